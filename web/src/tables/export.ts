/** A grid as a file. Fetched when one is wanted. */
import { writeCsv } from "../files/csv.ts";
import { writeXlsx } from "../files/xlsx.ts";
import type { Cells } from "./cells.ts";
import { cellValue } from "./numbers.ts";

const MIN_WIDTH_CHARS = 6;
const MAX_WIDTH_CHARS = 60;

/** Columns that a text takes: two for each wide character. */
function displayWidth(text: string): number {
  const lines = text.split("\n").map((line) =>
    [...line].reduce((sum, char) => sum + (/[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/.test(char) ? 2 : 1), 0),
  );
  return Math.max(...lines);
}

/** Throws: SheetTooLarge, ZipTooLarge. */
export function asXlsx(cells: Cells, name: string): Promise<Blob> {
  const [header = [], ...rows] = cells;
  const columns = header.map((text, index) => {
    const widest = Math.max(...cells.map((row) => displayWidth(row[index] ?? "")));
    return { header: text, widthChars: Math.min(MAX_WIDTH_CHARS, Math.max(MIN_WIDTH_CHARS, widest + 2)) };
  });
  return writeXlsx([{ name, columns, rows: rows.map((row) => row.map(cellValue)) }]);
}

/** With a byte order mark. Numbers stay as they are written in the picture. */
export function asCsv(cells: Cells, guardFormulas: boolean): Blob {
  return writeCsv(cells, { bom: true, guardFormulas });
}
