/** More digits than these are an article number, a phone number, a bar code; a sheet would show 1.2E+11. */
const MAX_DIGITS = 11;

const PLAIN = /^[+-]?(?:0|[1-9]\d*)(?:\.\d+)?$/;
const GROUPED = /^[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?$/;

/** The number that a cell's text is; null where it is text, such as 007, 12 kg, ¥5, 50% or a bar code. */
export function cellNumber(text: string): number | null {
  const trimmed = text.trim().replace(/^−/, "-");
  if (!PLAIN.test(trimmed) && !GROUPED.test(trimmed)) return null;
  if (trimmed.replace(/\D/g, "").length > MAX_DIGITS) return null;
  return Number(trimmed.replaceAll(",", ""));
}

/** Made of digits, and yet text that a spreadsheet has to be kept from counting with. */
export function isDigitText(text: string): boolean {
  return /^[+-]?[\d,.]+$/.test(text.trim()) && cellNumber(text) === null;
}

/** A cell as it goes into a file: a number where it is one. */
export function cellValue(text: string): string | number | null {
  return text === "" ? null : (cellNumber(text) ?? text);
}
