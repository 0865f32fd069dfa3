import { parseWhole } from "../blocks.ts";
import { MATH_DISPLAY, MATH_INLINE } from "../math.ts";
import { sanitize } from "../sanitize.ts";

/** An answer in the forms in which other programs take it. */

function nodesOf(markdown: string): HTMLElement {
  const root = document.createElement("div");
  for (const block of parseWhole(markdown)) root.append(sanitize(block.html));
  return root;
}

/** HTML for word processors and mail: plain elements, formulas as MathML, no classes, nothing to load. */
export async function asHtml(markdown: string): Promise<string> {
  const root = nodesOf(markdown);
  const formulas = root.querySelectorAll(`code.${MATH_INLINE}, code.${MATH_DISPLAY}, pre > code.language-math`);
  if (formulas.length > 0) {
    const { mathml } = await import("./formulas.ts");
    for (const code of formulas) {
      const fenced = code.parentElement?.localName === "pre";
      const math = mathml(code.textContent, fenced || code.classList.contains(MATH_DISPLAY));
      math?.querySelectorAll("annotation").forEach((note) => {
        note.remove(); // Word would show it
      });
      if (math) (fenced ? (code.parentElement ?? code) : code).replaceWith(math);
    }
  }
  for (const node of root.querySelectorAll(".md-host")) node.remove();
  for (const node of root.querySelectorAll("*")) {
    for (const name of ["class", "target", "rel", "referrerpolicy", "title"]) node.removeAttribute(name);
  }
  return root.innerHTML;
}

const BLOCKS = new Set(["P", "H1", "H2", "H3", "H4", "H5", "H6", "PRE", "BLOCKQUOTE", "UL", "OL", "TABLE", "HR"]);

/** Text as one would type it: list marks and line breaks stay, everything else that marks up goes. */
export function asPlainText(markdown: string): string {
  const lines: string[] = [];
  const walk = (node: Node, indent: string): void => {
    for (const child of node.childNodes) if (child instanceof Element) block(child, indent);
  };
  const inline = (element: Element): string => {
    const copy = element.cloneNode(true) as Element;
    for (const line of copy.querySelectorAll("br")) line.replaceWith("\n");
    for (const host of copy.querySelectorAll(".md-host")) host.remove();
    return copy.textContent.replace(/[ \t]+\n/g, "\n").replace(/\n{2,}/g, "\n").trim();
  };
  const put = (text: string, indent: string) => {
    for (const line of text.split("\n")) lines.push(indent + line);
  };
  const item = (element: Element, mark: string, indent: string) => {
    const own = document.createElement("div");
    const nested: Element[] = [];
    for (const child of element.childNodes) {
      if (child instanceof Element && BLOCKS.has(child.tagName) && child.tagName !== "P") nested.push(child);
      else own.append(child.cloneNode(true), child instanceof Element && child.tagName === "P" ? "\n" : "");
    }
    const [first = "", ...rest] = inline(own).split("\n");
    lines.push(`${indent}${mark}${first}`);
    const deeper = indent + " ".repeat(mark.length);
    for (const line of rest) lines.push(deeper + line);
    for (const child of nested) block(child, deeper);
  };
  const block = (element: Element, indent: string): void => {
    switch (element.tagName) {
      case "UL":
      case "OL": {
        const start = Number(element.getAttribute("start") ?? 1);
        [...element.children].forEach((child, index) => {
          item(child, element.tagName === "OL" ? `${start + index}. ` : "- ", indent);
        });
        break;
      }
      case "TABLE":
        for (const row of (element as HTMLTableElement).rows) {
          lines.push(indent + [...row.cells].map((cell) => inline(cell).replace(/\s+/g, " ")).join("\t"));
        }
        break;
      case "PRE":
        put(element.textContent.replace(/\n$/, ""), indent);
        break;
      case "BLOCKQUOTE":
        walk(element, `${indent}  `);
        return;
      case "HR":
        lines.push(`${indent}———`);
        break;
      default:
        put(inline(element), indent);
    }
    if (indent === "") lines.push("");
  };
  walk(nodesOf(markdown), "");
  return lines.join("\n").replace(/\n{3,}/g, "\n\n").trim();
}
