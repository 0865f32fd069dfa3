import type { MarkdownIt } from "markdown-it";

/** How formulas leave the parser: as code, which is readable as it is; `rich/math.ts` sets them. */
export const MATH_INLINE = "language-math-inline";
export const MATH_DISPLAY = "language-math-display";

const CJK = /[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]/;
const TEXT_COMMAND = /\\(?:text|mbox|mathrm|textbf|textit|operatorname|tag)\s*\{[^{}]*\}/g;

/** Longer ones stand between lines of their own; without a bound, hostile text would be read again and again. */
const MOST_INLINE_CHARS = 1500;

/** Where a formula between dollar signs that begins at `start` ends; -1: these are prices, or words. */
function closingDollar(source: string, start: number): number {
  if (/[\w$\\]/.test(source[start - 1] ?? "")) return -1; // US$5, \$
  if (/[\s,.;:!?，。；：、）)]/.test(source[start + 1] ?? " ")) return -1;
  const limit = start + MOST_INLINE_CHARS;
  for (let at = indexBefore(source, "$", start + 2, limit); at > 0; at = indexBefore(source, "$", at + 1, limit)) {
    if (source[at - 1] === "\\") continue;
    // Pandoc's rule, and letters: "$5 and $10", "$HOME/$USER".
    if (/\s/.test(source[at - 1] ?? "") || /\w/.test(source[at + 1] ?? "")) return -1;
    const content = source.slice(start + 1, at);
    return CJK.test(content.replace(TEXT_COMMAND, "")) ? -1 : at;
  }
  return -1;
}

function indexBefore(source: string, mark: string, from: number, limit: number): number {
  const at = source.slice(from, limit).indexOf(mark);
  return at < 0 ? -1 : from + at;
}

interface Formula {
  content: string;
  /** After its closing mark. */
  end: number;
  display: boolean;
}

/** The formula that begins at `start` of one paragraph's source, or null. */
export function formulaAt(source: string, start: number): Formula | null {
  const two = source.slice(start, start + 2);
  const close = { $$: "$$", "\\(": "\\)", "\\[": "\\]" }[two];
  if (close !== undefined) {
    const end = indexBefore(source, close, start + 2, start + MOST_INLINE_CHARS);
    const content = end < 0 ? "" : source.slice(start + 2, end).trim();
    if (content !== "") return { content, end: end + 2, display: two !== "\\(" };
    return null;
  }
  if (source[start] !== "$") return null;
  const end = closingDollar(source, start);
  return end < 0 ? null : { content: source.slice(start + 1, end), end: end + 1, display: false };
}

const OPEN_LINE = /^(\$\$|\\\[)/;

/** Formulas between `$…$`, `$$…$$`, `\(…\)` and `\[…\]`. */
export function mathPlugin(md: MarkdownIt): void {
  md.inline.ruler.before("escape", "math", (state, silent) => {
    const char = state.src[state.pos];
    if (char !== "$" && char !== "\\") return false;
    const formula = formulaAt(state.src, state.pos);
    if (!formula || formula.end > state.posMax) return false;
    if (!silent) {
      const token = state.push("math", "code", 0);
      token.content = formula.content;
      token.meta = { display: formula.display };
    }
    state.pos = formula.end;
    return true;
  });

  // A formula over several lines, in which stars and underscores are no Markdown.
  md.block.ruler.before(
    "fence",
    "math",
    (state, startLine, endLine, silent) => {
      const begin = (state.bMarks[startLine] ?? 0) + (state.tShift[startLine] ?? 0);
      if ((state.sCount[startLine] ?? 0) - state.blkIndent >= 4) return false;
      const open = OPEN_LINE.exec(state.src.slice(begin, begin + 2))?.[1];
      if (open === undefined) return false;
      const close = open === "$$" ? "$$" : "\\]";
      for (let line = startLine; line < endLine; line++) {
        const from = line === startLine ? begin + 2 : (state.bMarks[line] ?? 0);
        const text = state.src.slice(from, state.eMarks[line]).trimEnd();
        const at = text.indexOf(close);
        if (at < 0) continue;
        if (text.length > at + 2) return false; // words follow: a formula within a paragraph
        const content = state.src.slice(begin + 2, from + at).trim();
        if (content === "" || silent) return content !== "";
        const token = state.push("math", "code", 0);
        token.content = content;
        token.meta = { display: true, block: true };
        token.map = [startLine, line + 1];
        state.line = line + 1;
        return true;
      }
      return false;
    },
    { alt: ["paragraph", "reference", "blockquote", "list"] },
  );

  md.renderer.rules["math"] = (tokens, index) => {
    const token = tokens[index];
    const meta = token?.meta as { display: boolean; block?: boolean } | undefined;
    const text = md.utils.escapeHtml(token?.content ?? "");
    const code = `<code class="${meta?.display ? MATH_DISPLAY : MATH_INLINE}">${text}</code>`;
    return meta?.block ? `<p>${code}</p>\n` : code;
  };
}
