/** Comma-separated values, as RFC 4180 describes them. */

export interface CsvOptions {
  /** Begin with a byte order mark, without which Excel reads UTF-8 as something else. */
  bom: boolean;
  /**
   * Put an apostrophe before a text that a spreadsheet would run as a formula. Text out of a picture can
   * be such a one on purpose; the price is that programs other than spreadsheets see the apostrophe.
   */
  guardFormulas: boolean;
}

/** What makes a cell a formula, in half and full width (OWASP, "CSV Injection"). */
const FORMULA_START = /^[=+\-@\t\r\n＝＋－＠]/;
/** A signed number begins like a formula and is none. */
const PLAIN_NUMBER = /^[+-]?[\d.,]+%?$/;

/** Would a spreadsheet take this text for a formula? */
export function looksLikeFormula(text: string): boolean {
  return FORMULA_START.test(text) && !PLAIN_NUMBER.test(text);
}

function field(value: string | number | null, guardFormulas: boolean): string {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  const text = guardFormulas && looksLikeFormula(value) ? `'${value}` : value;
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function csvText(rows: readonly (readonly (string | number | null)[])[], guardFormulas: boolean): string {
  return rows.map((row) => `${row.map((value) => field(value, guardFormulas)).join(",")}\r\n`).join("");
}

export function writeCsv(
  rows: readonly (readonly (string | number | null)[])[],
  { bom, guardFormulas }: CsvOptions,
): Blob {
  return new Blob([bom ? "\ufeff" : "", csvText(rows, guardFormulas)], { type: "text/csv;charset=utf-8" });
}
