import { plainTable } from "../markdown/html_table.ts";
import { MAX_COLUMNS, MAX_ROWS, rectangular } from "./cells.ts";

/** Stands for a line break while white space is made one blank, as HTML does. */
const BREAK = "\u0001";

function textOf(cell: HTMLTableCellElement): string {
  for (const br of cell.querySelectorAll("br")) br.after(BREAK);
  return cell.textContent
    .replace(/\s+/g, " ")
    .replace(new RegExp(` ?${BREAK} ?`, "g"), "\n")
    .trim();
}

/**
 * The cells of a table. A cell that spans several has its text in the first of them, the others are
 * empty: a spreadsheet has the same columns in each row.
 */
export function cellsOfTable(source: HTMLTableElement): string[][] {
  const table = source.cloneNode(true) as HTMLTableElement;
  const grid: (string | undefined)[][] = [];
  const lines = [...table.rows].slice(0, MAX_ROWS);
  lines.forEach((line, r) => {
    const row = (grid[r] ??= []);
    let c = 0;
    for (const cell of line.cells) {
      while (row[c] !== undefined) c += 1;
      const height = Math.min(cell.rowSpan || lines.length - r, lines.length - r);
      const width = Math.min(cell.colSpan, MAX_COLUMNS - c);
      for (let down = 0; down < height; down += 1) {
        const target = (grid[r + down] ??= []);
        for (let right = 0; right < width; right += 1) target[c + right] = down + right === 0 ? textOf(cell) : "";
      }
      c += width;
    }
  });
  return rectangular(grid.map((row) => Array.from(row, (cell) => cell ?? "")));
}

/** The first table in HTML source, which is parsed and never shown. Null: there is none. */
export function tableInSource(html: string): HTMLTableElement | null {
  // In an inert document, without what could run or load, of which the browser would still complain.
  return new DOMParser().parseFromString(plainTable(html), "text/html").querySelector("table");
}
