import { MATH_DISPLAY, MATH_INLINE } from "../math.ts";

/** What a block asks for beyond plain Markdown. Each kind is code of its own, fetched with its first use. */

const FORMULAS = `code.${MATH_INLINE}, code.${MATH_DISPLAY}, pre > code.language-math`;
const CODE = 'pre > code[class^="language-"]';
const DIAGRAM = "pre > code.language-mermaid";

/** Longer listings stay plain: colours are not worth a pause. */
const MOST_HIGHLIGHTED_CHARS = 50_000;

/** What `formulas.ts` offers. */
interface Formulas {
  setFormula(code: HTMLElement): void;
}

/** Once it is here, formulas are set at once, so that nothing flickers while an answer grows. */
let formulas: Formulas | null = null;

async function loadFormulas(): Promise<Formulas> {
  formulas = await import("./formulas.ts");
  return formulas;
}

export interface RichTexts {
  /** Alternative text of a diagram. */
  diagram: string;
  /** Opens a diagram's source. */
  source: string;
}

/**
 * Set the formulas of a block; with `whole`, also colour its code and draw its diagrams, which is too
 * much work for text that still grows. What fails stays as readable source.
 */
export function enrich(block: HTMLElement, whole: boolean, texts: RichTexts): void {
  if (block.querySelector(FORMULAS)) {
    const set = (module: Formulas) => {
      for (const code of block.querySelectorAll<HTMLElement>(FORMULAS)) module.setFormula(code);
    };
    if (formulas) set(formulas);
    else void loadFormulas().then(set, () => undefined); // not to be had: the source is there
  }
  if (!whole) return;
  for (const code of block.querySelectorAll<HTMLElement>(CODE)) {
    if (code.matches(DIAGRAM)) {
      void import("./diagram.ts").then(({ showDiagram }) => showDiagram(code, texts)).catch(() => undefined);
    } else if (code.textContent.length <= MOST_HIGHLIGHTED_CHARS && !code.matches(FORMULAS)) {
      void import("./highlight.ts").then(({ highlight }) => {
        highlight(code);
      }, () => undefined);
    }
  }
}
