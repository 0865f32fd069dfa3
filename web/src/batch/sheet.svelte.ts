import { SvelteMap } from "svelte/reactivity";
import { columnsOf } from "./columns.ts";
import type { FileRefusal } from "./batches.svelte.ts";
import { paceOf, type Pace } from "./progress.ts";
import { countRows, type Batch, type BatchRow, type RowStatus } from "./records.ts";

export type Sort = "position" | "name" | "status";
export type Filter = RowStatus | "all";

const STATUS_ORDER: Record<RowStatus, number> = { error: 0, sending: 1, queued: 2, done: 3 };
const COLLATOR = new Intl.Collator(undefined, { numeric: true });

const COMPARE: Record<Sort, (a: BatchRow, b: BatchRow) => number> = {
  position: (a, b) => a.position - b.position,
  name: (a, b) => COLLATOR.compare(a.image.name, b.image.name) || a.position - b.position,
  status: (a, b) => STATUS_ORDER[a.status] - STATUS_ORDER[b.status] || a.position - b.position,
};

/** The batch that is open: its rows as they are now, and how they are looked at. */
export class BatchSheet {
  readonly id: string;
  batch = $state.raw() as Batch;
  rows = $state.raw<readonly BatchRow[]>([]);
  /** What has come of answers that are being written, by row. */
  readonly growing = new SvelteMap<string, string>();
  /** Files that are still being read. */
  reading = $state(0);
  /** Files that were not taken. */
  refused = $state.raw<readonly FileRefusal[]>([]);
  sort = $state<Sort>("position");
  filter = $state<Filter>("all");
  /** Rows that this page saw getting done. */
  #finished = $state.raw<readonly { finishedMs: number; durationMs: number }[]>([]);

  /** The use itself does not change while a batch runs, so the columns stay the same object. */
  readonly #use = $derived(this.batch.use);
  readonly columns = $derived(columnsOf({ use: this.#use }));
  readonly counts = $derived(countRows(this.rows));
  readonly view: readonly BatchRow[] = $derived.by(() => {
    const { sort, filter } = this;
    const kept = filter === "all" ? [...this.rows] : this.rows.filter((row) => row.status === filter);
    return kept.sort(COMPARE[sort]);
  });
  readonly pace: Pace = $derived.by(() => {
    const { queued, sending } = this.counts;
    return paceOf(this.#finished, queued + sending, this.batch.concurrency);
  });

  constructor(batch: Batch, rows: readonly BatchRow[]) {
    this.id = batch.id;
    this.batch = batch;
    this.rows = rows;
  }

  put(row: BatchRow): void {
    if (row.status !== "sending") this.growing.delete(row.id);
    const index = this.rows.findIndex((other) => other.id === row.id);
    const before = this.rows[index];
    if (row.status === "done" && before?.status === "sending" && row.durationMs !== null && row.finishedMs !== null) {
      const { durationMs, finishedMs } = row;
      this.#finished = [...this.#finished.slice(-50), { durationMs, finishedMs }];
    }
    this.rows = before ? this.rows.map((other) => (other.id === row.id ? row : other)) : [...this.rows, row].sort(COMPARE.position);
  }

  remove(rowId: string): void {
    this.growing.delete(rowId);
    this.rows = this.rows.filter((row) => row.id !== rowId);
  }
}
