import type { MarkLink } from "../boxes/link.svelte.ts";

/** By place in the tables that the text shows: which of the marks is the cell's. */
export type CellMarks = ReadonlyMap<string, number>;

const key = (table: number, row: number, column: number) => `${table}/${row}/${column}`;

/** What a tool may have said; nothing of it is certain. */
type Said = Partial<Record<"tables" | "cells" | "row" | "column" | "row_span" | "column_span" | "bbox_2d", unknown>>;

const isObject = (value: unknown): value is Said => typeof value === "object" && value !== null;
const listed = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const whole = (value: unknown, otherwise: number) =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 10_000 ? value : otherwise;

/**
 * What a tool says of its tables: `tables`, each with `cells` that have `row`, `column`, perhaps `row_span` and
 * `column_span`, and `bbox_2d` if they are marks. Nothing where other objects of it are marks as well.
 */
export function cellMarks(structured: unknown, marks: number): CellMarks {
  const found = new Map<string, number>();
  let mark = 0;
  listed(isObject(structured) ? structured.tables : null).forEach((table, number) => {
    for (const cell of listed(isObject(table) ? table.cells : null)) {
      if (!isObject(cell) || !Array.isArray(cell.bbox_2d)) continue;
      const [row, column] = [whole(cell.row, 0), whole(cell.column, 0)];
      for (let down = 0; down < Math.min(100, whole(cell.row_span, 1)); down += 1)
        for (let right = 0; right < Math.min(100, whole(cell.column_span, 1)); right += 1)
          found.set(key(number, row + down, column + right), mark);
      mark += 1;
    }
  });
  return mark === marks ? found : new Map();
}

/** Row and column of a cell in its table, what spans counted in. */
export function placeOf(cell: HTMLTableCellElement): [row: number, column: number] | null {
  const taken = new Set<string>();
  for (const [r, row] of [...(cell.closest("table")?.rows ?? [])].entries()) {
    let c = 0;
    for (const other of row.cells) {
      while (taken.has(key(0, r, c))) c += 1;
      if (other === cell) return [r, c];
      for (let down = 0; down < other.rowSpan; down += 1)
        for (let right = 0; right < other.colSpan; right += 1) taken.add(key(0, r + down, c + right));
      c += other.colSpan;
    }
  }
  return null;
}

/** Within the node, a cell that is pointed at lights its region; a click keeps it. For the keyboard there are the marks. */
export function lightCells(node: HTMLElement, { marks, link }: { marks: CellMarks; link: MarkLink }) {
  const markAt = (target: EventTarget | null): number | undefined => {
    const cell = target instanceof Element ? target.closest<HTMLTableCellElement>("td, th") : null;
    const place = cell && node.contains(cell) ? placeOf(cell) : null;
    if (!cell || !place) return undefined;
    const table = [...node.querySelectorAll("table")].indexOf(cell.closest("table") as HTMLTableElement);
    return marks.get(key(table, ...place));
  };
  const over = (event: Event) => {
    const mark = markAt(event.target);
    link.hovered = mark === undefined ? [] : [mark];
  };
  const leave = () => {
    link.hovered = [];
  };
  const click = (event: Event) => {
    const mark = markAt(event.target);
    if (mark !== undefined) link.keep([mark]);
  };
  node.addEventListener("pointerover", over);
  node.addEventListener("pointerleave", leave);
  node.addEventListener("click", click);
}
