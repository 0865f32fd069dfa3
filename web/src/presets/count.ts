import type { CountUnit, PresetField } from "./records.ts";

/** Characters that take a whole cell: Han, kana, hangul, full-width forms and their punctuation, emoji. */
const FULL_WIDTH =
  /[\u1100-\u115f\u2018\u2019\u201c\u201d\u2026\u2014\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff01-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u;

const UNSPACED = "\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}";
const LETTER = `(?:(?![${UNSPACED}])[\\p{L}\\p{N}\\p{M}])`;
/** One character of a script that is written without spaces, or a run of letters and digits ("5.5-inch", "don't"). */
const WORD = new RegExp(`[${UNSPACED}]|${LETTER}+(?:['’\\-.,]${LETTER}+)*`, "gu");

const segmenter = typeof Intl.Segmenter === "undefined" ? null : new Intl.Segmenter(undefined, { granularity: "grapheme" });

function graphemes(text: string): string[] {
  return segmenter ? Array.from(segmenter.segment(text), (part) => part.segment) : Array.from(text);
}

/** Without what a reader does not count: line breaks, spaces at the ends, Markdown's stars around words. */
function plain(text: string): string {
  return text
    .replace(/(\*\*|__)(?=\S)([\s\S]*?\S)\1/g, "$2")
    .replace(/[\r\n]+/g, "")
    .trim();
}

export function countChars(text: string): number {
  return graphemes(plain(text)).length;
}

export function countWords(text: string): number {
  return text.match(WORD)?.length ?? 0;
}

/** In steps of a half. */
export function countWidth(text: string): number {
  return graphemes(plain(text)).reduce((sum, char) => sum + (FULL_WIDTH.test(char) ? 1 : 0.5), 0);
}

const COUNTERS: Record<CountUnit, (text: string) => number> = {
  chars: countChars,
  words: countWords,
  width: countWidth,
};

export interface FieldCount {
  count: number;
  max: number | null;
  unit: CountUnit;
  over: boolean;
}

export function countField(text: string, field: Pick<PresetField, "max" | "unit">): FieldCount {
  const count = COUNTERS[field.unit](text);
  return { count, max: field.max, unit: field.unit, over: field.max !== null && count > field.max };
}
