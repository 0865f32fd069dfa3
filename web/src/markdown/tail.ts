/**
 * How a text ends that is still being written, or was broken off: marks that would be closed are closed, and
 * what cannot be read yet is left out. Only for display; what is stored stays as it came.
 */

const FENCE_LINE = /^ {0,3}(`{3,}|~{3,})(.*)$/;

/** The fence that is open at the end of `text`, or null. */
function openFence(text: string): string | null {
  if (!text.includes("```") && !text.includes("~~~")) return null;
  let open: string | null = null;
  for (const line of text.split("\n")) {
    const match = FENCE_LINE.exec(line);
    if (!match) continue;
    const mark = match[1] as string;
    if (open === null) open = mark;
    else if (mark.startsWith(open) && (match[2] as string).trim() === "") open = null;
  }
  return open;
}

const INDENTED = /^(?: {4}|\t)/;
const LIST_ITEM = /^\s*(?:[-*+]|\d{1,9}[.)])\s/m;

/** `-` or `==` below words would make a heading of them; it is the start of a list, or of such a line. */
const UNDERLINE = /^ {0,3}(?:-+|=+)[ \t]*$/;
/** What may become the line below a table's head: dashes, colons and bars. */
const DELIMITERS = /^[ \t|:-]*$/;
const ONLY_BARS = /^[ \t|]+$/;

/** Columns in a row of a table, by its bars. */
const columns = (row: string): number => row.trim().replace(/^\||(?<!\\)\|$/g, "").split(/(?<!\\)\|/).length;

/** Whether `last` below `head` can only be understood when more of it is there. */
function isHalfLine(head: string, last: string): boolean {
  const above = head.slice(head.lastIndexOf("\n", head.length - 2) + 1, -1);
  if (above.trim() === "") return false;
  if (UNDERLINE.test(last) && !above.includes("|")) return true;
  if (!above.includes("|") || !DELIMITERS.test(last) || last.trim() === "") return false;
  return ONLY_BARS.test(last) || columns(last) !== columns(above) || !last.includes("-");
}

/** Close the code span that is open at the end of `line`, or return null: none is. */
function closeCode(line: string): string | null {
  let open: { at: number; length: number } | null = null;
  for (const run of line.matchAll(/`+/g)) {
    if (open === null) open = { at: run.index, length: run[0].length };
    else if (run[0].length === open.length) open = null;
  }
  if (open === null) return null;
  const content = line.slice(open.at + open.length);
  if (content.trim() === "") return line.slice(0, open.at); // nothing inside yet: the mark alone says nothing
  const half = /`*$/.exec(content)?.[0].length ?? 0;
  return line + "`".repeat(half < open.length ? open.length - half : open.length);
}

/** The rest of an address, and a title after it, up to where the text ends. */
const HALF_ADDRESS = /^(?:[^()\s]|\([^()\s]*\))*(?:\([^()\s]*|\s+["'][^"']*["']?\s*)?$/;

/** `[text](http://exam` → `text`, until the closing parenthesis is there. */
function withoutHalfLink(line: string): string {
  const middle = line.lastIndexOf("](");
  const open = middle < 0 ? -1 : line.lastIndexOf("[", middle);
  if (open < 0 || line.lastIndexOf("]", middle - 1) > open || !HALF_ADDRESS.test(line.slice(middle + 2))) return line;
  const picture = line[open - 1] === "!" ? 1 : 0;
  return line.slice(0, open - picture) + line.slice(open + 1, middle);
}

/** Code spans and escaped stars, in which a star is a plain character. */
const NO_MARKS = /(?<!`)(`+)(?!`)[\s\S]*?(?<!`)\1(?!`)|\\\*/g;

/** Close what is bold at the end of `line`. */
function closeBold(line: string): string {
  if (!line.includes("**")) return line;
  const plain = line.replace(NO_MARKS, (part) => "x".repeat(part.length));
  const wordsEnd = plain.trimEnd().length;
  let bold: { at: number; length: number } | null = null;
  let italic = false;
  let half = 0;
  for (const { 0: run, index } of plain.matchAll(/\*+/g)) {
    const end = index + run.length;
    const opens = end < plain.length && !/\s/.test(plain[end] as string);
    const closes = index > 0 && !/\s/.test(plain[index - 1] as string);
    if (bold && !italic && run.length < bold.length && end === wordsEnd) half = run.length; // the closing one has begun
    else if (run.length === 1) italic = italic ? !closes : opens;
    else if (bold) bold = closes ? null : bold;
    else if (opens || end === wordsEnd) bold = { at: index, length: run.length };
  }
  if (!bold) return line;
  // Nothing inside yet: two stars alone would read as a rule or a list.
  if (bold.at + bold.length >= wordsEnd) return line.slice(0, bold.at);
  return line.trimEnd() + "*".repeat(bold.length - half);
}

/**
 * `text` with its last line as it will probably go on: bold, code and a half-written link are closed, and a
 * line that would turn the words above it into a heading or a table too early is not there yet. Pure.
 */
export function closeOpenInline(text: string): string {
  if (openFence(text) !== null) return text;
  const from = text.lastIndexOf("\n") + 1;
  const head = text.slice(0, from);
  const last = text.slice(from);
  // May be indented code, where marks are plain characters.
  if (INDENTED.test(last) && !LIST_ITEM.test(text)) return text;
  if (isHalfLine(head, last)) return head;
  const code = closeCode(last);
  if (code !== null) return head + closeBold(code);
  return head + closeBold(withoutHalfLink(last));
}
