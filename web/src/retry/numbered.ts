/** A text with the running numbers of its lines taken out, and where each of its lines stands in the original. */
export interface Unnumbered {
  text: string;
  /** Starts of lines: in `text` and in the original. */
  lines: { at: number; originalAt: number }[];
  /** Lines that had a number taken out. */
  numbered: number;
}

const MARK = "#";
const NUMBERS = /\d+(?:[.,]\d+)*/g;
const CHINESE_ORDINAL = /^(\s*(?:第|[（(])?)[一二三四五六七八九十百]+(?=[、.）)：:]|[条点步章节项])/;

/** A line that is data: its numbers are what it says. */
const isData = (line: string) => /^\s*[[{]/.test(line);

/**
 * `12. Text`, `(3) text`, `第4条：…`, `图5：…`, `| 6 | … |`, `"item7": …` become equal to their neighbours. A
 * line with more than one number is left as it is: there the numbers are the content.
 */
export function withoutNumbers(original: string): Unnumbered {
  const lines: Unnumbered["lines"] = [];
  let text = "";
  let numbered = 0;
  let originalAt = 0;
  for (const line of original.split("\n")) {
    lines.push({ at: text.length, originalAt });
    originalAt += line.length + 1;
    const numbers = line.match(NUMBERS)?.length ?? 0;
    let plain = line;
    if (numbers === 1 && !isData(line)) plain = line.replace(NUMBERS, MARK);
    else if (numbers === 0) plain = line.replace(CHINESE_ORDINAL, `$1${MARK}`);
    if (plain !== line) numbered += 1;
    text += `${plain}\n`;
  }
  return { text: text.slice(0, -1), lines, numbered };
}
