import type { tablesZhCN } from "./tables.zh-CN.ts";
import type { Phrase } from "./zh-CN.ts";

export const tablesEn: Record<keyof typeof tablesZhCN, Phrase> = {
  "tables.title": "Table",
  "tables.close": "Close the table",
  "tables.grid": "Table of {rows} rows and {columns} columns",
  "tables.cell": "{column}{row}, {header}",
  "tables.help":
    "Arrow keys move, typing replaces, F2 or Enter edits, Escape cancels, Tab goes to the next cell; Shift with arrow keys selects; Ctrl+C / X / V copy, cut and paste, Ctrl+Z undoes",
  "tables.copy": "Copy",
  "tables.copyAll": "Copy the whole table, ready to paste into Excel or another spreadsheet",
  "tables.copied": {
    one: "Copied {n} cell, ready to paste into a spreadsheet",
    other: "Copied {n} cells, ready to paste into a spreadsheet",
  },
  "tables.copyFailed": "The browser does not allow copying. Use Ctrl+C.",
  "tables.csv": "CSV",
  "tables.csvHint": "Save as CSV (UTF-8 with a byte order mark, so that Excel shows all letters)",
  "tables.xlsx": "XLSX",
  "tables.xlsxHint": "Save as an Excel file (numbers as numbers, article numbers as text)",
  "tables.guard": "Guard CSV",
  "tables.guardHint":
    "Puts an apostrophe before text that starts with = + - @, so that opening the CSV does not run it as a formula. Text in a picture may have been written for that.",
  "tables.undo": "Undo",
  "tables.redo": "Redo",
  "tables.addRow": "Add a row",
  "tables.addColumn": "Add a column",
  "tables.removeRow": "Remove rows",
  "tables.removeColumn": "Remove columns",
  "tables.original": "Restore the original",
  "tables.originalDone": "As in the answer again; Ctrl+Z takes that back",
  "tables.edited": "Edited; kept in this browser. The table in the answer stays as it is",
  "tables.untouched": "Edits are kept by themselves. The table in the answer stays as it is",
  "tables.lost": "A table has at most {rows} rows and {columns} columns; {n} cells were not pasted.",
  "tables.pictures": "Pictures",
  "tables.fileName": "table",
  "tables.saveFailed": "The file could not be made: {message}",
};
