import { areaOf, cut, equal, fill, insertColumn, insertRow, paste, removeColumns, removeRows, setCell, widthOf } from "./cells.ts";
import type { Area, Cells, Position, Range } from "./cells.ts";

const MAX_UNDO = 200;

/**
 * What is being typed into the cell in focus. `quick`: begun by typing, so that arrow keys leave the cell
 * as in a spreadsheet, and do not move within the text.
 */
export interface Typing {
  text: string;
  quick: boolean;
}

interface Step {
  cells: Cells;
  range: Range;
}

/** A table that is being edited: its cells, what is selected, and the way back. */
export class Grid {
  cells = $state.raw<Cells>([[""]]);
  range: Range = $state.raw({ anchor: { row: 0, column: 0 }, focus: { row: 0, column: 0 } });
  typing: Typing | null = $state.raw(null);
  readonly area: Area = $derived(areaOf(this.range));
  readonly height = $derived(this.cells.length);
  readonly width = $derived(widthOf(this.cells));
  #undo = $state.raw<readonly Step[]>([]);
  #redo = $state.raw<readonly Step[]>([]);
  readonly canUndo = $derived(this.#undo.length > 0);
  readonly canRedo = $derived(this.#redo.length > 0);
  readonly #onChange: (cells: Cells) => void;

  constructor(cells: Cells, onChange: (cells: Cells) => void) {
    this.cells = cells;
    this.#onChange = onChange;
  }

  text({ row, column }: Position): string {
    return this.cells[row]?.[column] ?? "";
  }

  /** Go to a cell, inside of the table; `extend` keeps the other corner of the selection. */
  select({ row, column }: Position, extend = false): void {
    const focus = {
      row: Math.min(Math.max(0, row), this.height - 1),
      column: Math.min(Math.max(0, column), this.width - 1),
    };
    this.range = { anchor: extend ? this.range.anchor : focus, focus };
  }

  selectArea({ top, left, bottom, right }: Area): void {
    this.range = { anchor: { row: bottom, column: right }, focus: { row: top, column: left } };
  }

  selectAll(): void {
    this.selectArea({ top: 0, left: 0, bottom: this.height - 1, right: this.width - 1 });
  }

  move(rows: number, columns: number, extend = false): void {
    const { row, column } = this.range.focus;
    this.select({ row: row + rows, column: column + columns }, extend);
  }

  /** The next cell in reading order. False: there is none. */
  tab(direction: 1 | -1): boolean {
    const { row, column } = this.range.focus;
    const place = row * this.width + column + direction;
    if (place < 0 || place >= this.width * this.height) return false;
    this.select({ row: Math.floor(place / this.width), column: place % this.width });
    return true;
  }

  type(text: string, quick: boolean): void {
    this.typing = { text, quick };
  }

  /** Take what was typed. */
  commit(): void {
    const { typing } = this;
    this.typing = null;
    if (typing) this.change(setCell(this.cells, this.range.focus, typing.text));
  }

  cancel(): void {
    this.typing = null;
  }

  selected(): string[][] {
    return cut(this.cells, this.area);
  }

  clear(): void {
    this.change(fill(this.cells, this.area, ""));
  }

  /** Returns how many cells did not fit. One cell is put into every selected one, as spreadsheets do. */
  paste(rows: Cells): number {
    const { area } = this;
    const single = rows.length === 1 && rows[0]?.length === 1 ? (rows[0][0] ?? "") : null;
    if (single !== null) {
      this.change(fill(this.cells, area, single));
      return 0;
    }
    const { cells, lost } = paste(this.cells, { row: area.top, column: area.left }, rows);
    this.change(cells);
    const widest = Math.max(1, ...rows.map((row) => row.length));
    this.selectArea({
      top: area.top,
      left: area.left,
      bottom: Math.min(this.height - 1, area.top + rows.length - 1),
      right: Math.min(this.width - 1, area.left + widest - 1),
    });
    return lost;
  }

  /** Below what is selected. */
  addRow(): void {
    const row = this.area.bottom + 1;
    const { column } = this.range.focus;
    this.change(insertRow(this.cells, row));
    this.select({ row, column });
  }

  /** To the right of what is selected. */
  addColumn(): void {
    const column = this.area.right + 1;
    const { row } = this.range.focus;
    this.change(insertColumn(this.cells, column));
    this.select({ row, column });
  }

  removeRows(): void {
    const { top, left } = this.area;
    this.change(removeRows(this.cells, this.area));
    this.select({ row: top, column: left });
  }

  removeColumns(): void {
    const { top, left } = this.area;
    this.change(removeColumns(this.cells, this.area));
    this.select({ row: top, column: left });
  }

  /** Put other cells in, in a step that can be undone. */
  change(cells: Cells): void {
    if (equal(cells, this.cells)) return;
    this.#undo = [...this.#undo, { cells: this.cells, range: this.range }].slice(-MAX_UNDO);
    this.#redo = [];
    this.#set({ cells, range: this.range });
  }

  undo(): void {
    const step = this.#undo.at(-1);
    if (!step) return;
    this.#undo = this.#undo.slice(0, -1);
    this.#redo = [...this.#redo, { cells: this.cells, range: this.range }];
    this.#set(step);
  }

  redo(): void {
    const step = this.#redo.at(-1);
    if (!step) return;
    this.#redo = this.#redo.slice(0, -1);
    this.#undo = [...this.#undo, { cells: this.cells, range: this.range }];
    this.#set(step);
  }

  #set({ cells, range }: Step): void {
    this.cells = cells;
    this.typing = null;
    this.range = range;
    this.select(range.focus, true);
    this.#onChange(cells);
  }
}
