import { parseFields } from "../presets/fields.ts";
import type { PresetField } from "../presets/records.ts";
import type { Batch, BatchRow } from "./records.ts";

/** A column of answers. `field`: null for the one column of a batch without fields. */
export interface AnswerColumn {
  id: string;
  /** Null: "answer" in the reader's language. */
  label: string | null;
  field: PresetField | null;
}

/** Of a batch without fields, and of an answer in which they cannot be found. */
const WHOLE = "answer";

export function columnsOf(batch: Pick<Batch, "use">): AnswerColumn[] {
  const fields = batch.use?.fields ?? [];
  if (fields.length === 0) return [{ id: WHOLE, label: null, field: null }];
  return fields.map((field) => ({ id: field.id, label: field.label, field }));
}

export interface CellText {
  text: string;
  /** As the model wrote it, where the reader changed it; null otherwise. */
  original: string | null;
}

/** What the model wrote, by column. An answer without the fields stands whole in the first column. */
export function answerCells(answer: string, columns: readonly AnswerColumn[]): Record<string, string> {
  const fields = columns.flatMap((column) => (column.field ? [column.field] : []));
  const parsed = parseFields(answer, fields);
  return parsed ?? { [columns[0]?.id ?? WHOLE]: answer.trim() };
}

const parsedCells = new WeakMap<BatchRow, { columns: readonly AnswerColumn[]; cells: Record<string, string> }>();

/** What stands in a cell. growing: the part of a row's answer that has come so far. */
export function cellOf(row: BatchRow, column: AnswerColumn, columns: readonly AnswerColumn[], growing = ""): CellText {
  let cells: Record<string, string>;
  if (row.answer === "") cells = growing === "" ? {} : answerCells(growing, columns);
  else {
    const known = parsedCells.get(row);
    cells = known?.columns === columns ? known.cells : answerCells(row.answer, columns);
    parsedCells.set(row, { columns, cells });
  }
  const written = cells[column.id] ?? "";
  const edited = row.edits[column.id];
  return edited === undefined || edited === written ? { text: written, original: null } : { text: edited, original: written };
}

/** The edits of a row with one more; an edit back to what the model wrote is none. */
export function withEdit(row: BatchRow, column: AnswerColumn, columns: readonly AnswerColumn[], text: string): Record<string, string> {
  const written = cellOf({ ...row, edits: {} }, column, columns).text;
  const others = Object.entries(row.edits).filter(([id]) => id !== column.id);
  return Object.fromEntries(text === written ? others : [...others, [column.id, text]]);
}
