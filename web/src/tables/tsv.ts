/** Cells on the clipboard: tab-separated text, and HTML, as spreadsheets exchange them. */

/** Quoted where a spreadsheet quotes: a tab, a line break or a quotation mark at the start. */
function field(text: string): string {
  return /[\t\r\n]|^"/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function toTsv(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => row.map(field).join("\t")).join("\n");
}

/** Rows out of pasted text. A line break at the very end belongs to the last row. */
export function parseTsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  // A quotation mark opens a quoted cell only where its closing one is followed by the cell's end.
  const cell = /"((?:[^"]|"")*)"(?=\t|\r?\n|\r|$)|[^\t\r\n]*/y;
  for (let at = 0; ; ) {
    cell.lastIndex = at;
    const found = cell.exec(text);
    if (!found) break;
    row.push(found[1] === undefined ? found[0] : found[1].replaceAll('""', '"'));
    at = cell.lastIndex;
    if (text[at] === "\t") {
      at += 1;
      continue;
    }
    rows.push(row);
    row = [];
    at += text.startsWith("\r\n", at) ? 2 : 1;
    if (at >= text.length) break;
  }
  return rows;
}

const escapeHtml = (text: string) =>
  text.replace(/[&<>"]/g, (char) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[char] as string);

/** Excel turns 007 into 7 and 6901234567892 into 6.9E+12 unless the cell says that it is text. */
const AS_TEXT = ` style="mso-number-format:'\\@'"`;

/** A table for the clipboard. `isText`: cells that look like numbers and are none. */
export function toHtmlTable(rows: readonly (readonly string[])[], isText: (cell: string) => boolean): string {
  const cells = (row: readonly string[]) =>
    row.map((cell) => `<td${isText(cell) ? AS_TEXT : ""}>${escapeHtml(cell).replace(/\r?\n/g, "<br>")}</td>`).join("");
  return `<table>${rows.map((row) => `<tr>${cells(row)}</tr>`).join("")}</table>`;
}
