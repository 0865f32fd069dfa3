import type { MarkdownIt } from "markdown-it";

/** At most three blanks before it: more make it code. */
const OPENS = /^ {0,3}<table[\s>]/i;
const CLOSES = /<\/table\s*>/i;

const KEPT_TAGS = new Set(["table", "thead", "tbody", "tfoot", "tr", "th", "td", "br"]);
const MAX_SPAN = 100;

function spans(attributes: string): string {
  return ["colspan", "rowspan"]
    .map((name) => {
      const value = Number(new RegExp(`\\b${name}\\s*=\\s*["']?(\\d{1,5})`, "i").exec(attributes)?.[1] ?? 1);
      return value > 1 ? ` ${name}="${Math.min(MAX_SPAN, value)}"` : "";
    })
    .join("");
}

/**
 * A table written anew: its own tags with the number of cells that they span, and text. Every other tag
 * is left out, so that nothing of an answer's HTML is ever parsed as it came.
 */
export function plainTable(html: string): string {
  return html
    .replace(/<!--[\s\S]*?(?:-->|$)|<(script|style)\b[\s\S]*?(?:<\/\1\s*>|$)/gi, "")
    .split(/(<\/?[a-z][^<>]*>)/i)
    .map((piece, place) => {
      // What was split at stands at the odd places; the last tag may not be whole yet.
      if (place % 2 === 0) return piece.replace(/<(?:\/?[a-z][^<>]*)?$/i, "").replace(/[<>]/g, (char) => (char === "<" ? "&lt;" : "&gt;"));
      const [, slash = "", name = "", attributes = ""] = /^<(\/?)([a-z][a-z0-9]*)([^>]*)>$/i.exec(piece) ?? [];
      const tag = name.toLowerCase();
      return KEPT_TAGS.has(tag) ? `<${slash}${tag}${slash === "" ? spans(attributes) : ""}>` : "";
    })
    .join("");
}

/** Tables as HTML, which models write where cells span several rows. Nothing else of HTML is let through. */
export function htmlTables(md: MarkdownIt): void {
  md.block.ruler.before(
    "paragraph",
    "html_table",
    (state, startLine, endLine, silent) => {
      const lineAt = (line: number) => state.src.slice(state.bMarks[line], state.eMarks[line]);
      const tail = state.src.slice((state.bMarks[startLine] ?? 0) + (state.tShift[startLine] ?? 0), state.eMarks[startLine]);
      if ((state.sCount[startLine] ?? 0) - state.blkIndent >= 4 || !OPENS.test(tail)) return false;
      if (silent) return true;
      let line = startLine;
      while (line < endLine && !CLOSES.test(lineAt(line))) line += 1;
      // Not closed: it is still being written, and ends where the text does.
      const next = Math.min(line + 1, endLine);
      const token = state.push("html_table", "", 0);
      token.map = [startLine, next];
      token.content = state.getLines(startLine, next, state.blkIndent, true);
      state.line = next;
      return true;
    },
    { alt: ["paragraph", "reference", "blockquote", "list"] },
  );
  md.renderer.rules["html_table"] = (tokens, index) => plainTable(tokens[index]?.content ?? "");
}
