import katex from "katex";
import "katex/dist/katex.min.css";
import "./formulas.css";
import { MATH_DISPLAY } from "../math.ts";

/** A formula that does more is no formula. */
const MAX_EXPANSIONS = 500;
const MAX_SIZE_EM = 20;
const MAX_CHARS = 10_000;

const OPTIONS = {
  throwOnError: true,
  strict: "ignore",
  trust: false, // no links, no pictures, no HTML attributes
  maxExpand: MAX_EXPANSIONS,
  maxSize: MAX_SIZE_EM,
} as const;

/** Put the formula in the place of its source. KaTeX builds nodes, no HTML: the policy on styles allows that. */
export function setFormula(code: HTMLElement): void {
  const source = code.textContent;
  const fenced = code.parentElement?.localName === "pre";
  const displayMode = fenced || code.classList.contains(MATH_DISPLAY);
  if (source.length > MAX_CHARS) return;
  const formula = document.createElement("span");
  formula.className = displayMode ? "md-formula display" : "md-formula";
  formula.dataset["source"] = displayMode ? `$$${source.trim()}$$` : `$${source}$`;
  if (displayMode) formula.tabIndex = 0; // wide ones scroll
  try {
    katex.render(source, formula, { ...OPTIONS, displayMode });
  } catch {
    code.classList.add("md-formula-wrong");
    return;
  }
  (fenced ? (code.closest(".md-box") ?? code) : code).replaceWith(formula);
}

/** MathML for programs that paste it as a formula; null for what is none. */
export function mathml(source: string, displayMode: boolean): Element | null {
  if (source.length > MAX_CHARS) return null;
  const holder = document.createElement("span");
  try {
    katex.render(source, holder, { ...OPTIONS, displayMode, output: "mathml" });
  } catch {
    return null;
  }
  return holder.querySelector("math");
}
