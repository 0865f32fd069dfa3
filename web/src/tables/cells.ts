/** A table as rows of texts, each row as long as the longest; the first row is its header. Pure functions. */

export type Cells = readonly (readonly string[])[];

export interface Position {
  row: number;
  column: number;
}

/** Corners of a selection, in any order. */
export interface Range {
  anchor: Position;
  focus: Position;
}

export interface Area {
  top: number;
  left: number;
  bottom: number;
  right: number;
}

export const MAX_ROWS = 2000;
export const MAX_COLUMNS = 100;

export const widthOf = (cells: Cells): number => cells[0]?.length ?? 0;

/** All rows as long as the longest, and at least one cell. */
export function rectangular(rows: Cells): string[][] {
  const width = Math.max(1, ...rows.map((row) => row.length));
  return (rows.length > 0 ? rows : [[]]).map((row) => Array.from({ length: width }, (_, index) => row[index] ?? ""));
}

export function areaOf({ anchor, focus }: Range): Area {
  return {
    top: Math.min(anchor.row, focus.row),
    left: Math.min(anchor.column, focus.column),
    bottom: Math.max(anchor.row, focus.row),
    right: Math.max(anchor.column, focus.column),
  };
}

export function inArea({ top, left, bottom, right }: Area, row: number, column: number): boolean {
  return row >= top && row <= bottom && column >= left && column <= right;
}

export function cut(cells: Cells, { top, left, bottom, right }: Area): string[][] {
  return cells.slice(top, bottom + 1).map((row) => row.slice(left, right + 1));
}

export function setCell(cells: Cells, { row, column }: Position, text: string): Cells {
  return cells.map((line, r) => (r === row ? line.map((cell, c) => (c === column ? text : cell)) : line));
}

/** The same text in every cell of an area. */
export function fill(cells: Cells, area: Area, text: string): Cells {
  return cells.map((line, r) => line.map((cell, c) => (inArea(area, r, c) ? text : cell)));
}

/**
 * Put rows in with their first cell at `at`. The table grows where they reach over its edge, up to the
 * limits; `lost` counts the cells that did not fit even so.
 */
export function paste(cells: Cells, at: Position, rows: Cells): { cells: Cells; lost: number } {
  const height = Math.min(MAX_ROWS, Math.max(cells.length, at.row + rows.length));
  const widest = Math.max(0, ...rows.map((row) => row.length));
  const width = Math.min(MAX_COLUMNS, Math.max(widthOf(cells), at.column + widest));
  const grown = Array.from({ length: height }, (_, r) =>
    Array.from({ length: width }, (_, c) => rows[r - at.row]?.[c - at.column] ?? cells[r]?.[c] ?? ""),
  );
  const lost = rows.reduce((sum, row, r) => {
    if (at.row + r >= height) return sum + row.length;
    return sum + Math.max(0, at.column + row.length - width);
  }, 0);
  return { cells: grown, lost };
}

const withAt = <T>(list: readonly T[], index: number, item: T): T[] => [...list.slice(0, index), item, ...list.slice(index)];

/** A new empty row before row `index`. */
export function insertRow(cells: Cells, index: number): Cells {
  return cells.length >= MAX_ROWS ? cells : withAt(cells, index, new Array<string>(widthOf(cells)).fill(""));
}

export function insertColumn(cells: Cells, index: number): Cells {
  return widthOf(cells) >= MAX_COLUMNS ? cells : cells.map((row) => withAt(row, index, ""));
}

/** Without the rows of an area; the last one stays, emptied. */
export function removeRows(cells: Cells, { top, bottom }: Area): Cells {
  const left = cells.filter((_, row) => row < top || row > bottom);
  return left.length > 0 ? left : rectangular([new Array<string>(widthOf(cells)).fill("")]);
}

export function removeColumns(cells: Cells, { left, right }: Area): Cells {
  return rectangular(cells.map((row) => row.filter((_, column) => column < left || column > right)));
}

export function equal(one: Cells, other: Cells): boolean {
  return (
    one.length === other.length &&
    one.every((row, r) => row.length === other[r]?.length && row.every((cell, c) => cell === other[r]?.[c]))
  );
}
