import type { PresetUse } from "../presets/records.ts";
import type { AttemptReason, ImageRef, MessageError, Recipe } from "../store/records.ts";

/** idle: not started, or all rows have had their turn. paused: by the reader; rows that were being sent end. */
export type BatchState = "idle" | "running" | "paused";

/** One question about many pictures, each by itself. */
export interface Batch {
  id: string;
  title: string;
  createdMs: number;
  updatedMs: number;
  state: BatchState;
  /** As it is sent with each picture. */
  prompt: string;
  /** The preset that the prompt is made of; null: written by hand. */
  use: PresetUse | null;
  /** What its variables are set to. */
  values: Record<string, string>;
  /** Rows sent at the same time, 1 to 4. */
  concurrency: number;
}

/** queued: waits for its turn. sending: its request is or may be on its way. done and error are final. */
export type RowStatus = "queued" | "sending" | "done" | "error";

/** The row was asked twice, because its first answer was empty or repeated itself. Both answers are kept. */
export interface RowAttempt {
  /** What was wrong with the first one. */
  reason: AttemptReason;
  /** What the second one was asked with. */
  temperature: number;
  /** The one that is the row's answer; the other one lies in `other`. */
  shown: "first" | "second";
  other: { answer: string; edits: Record<string, string> };
  /** What is wrong with the second one as well. */
  failed?: AttemptReason;
}

export interface BatchRow {
  id: string;
  batchId: string;
  /** Order of the rows; gaps are no matter. */
  position: number;
  image: ImageRef;
  /** The hashes of `image`, for the index that says which pictures are in use. */
  imageHashes: string[];
  status: RowStatus;
  /** Of the run that brings the answer; on disk before its request leaves. Null while queued. */
  idempotencyKey: string | null;
  recipe: Recipe | null;
  /** What the model wrote, never changed. */
  answer: string;
  /** What the reader made of it, by column. */
  edits: Record<string, string>;
  error: MessageError | null;
  /** Name of the model that answered. */
  model: string | null;
  /** Runs that ended with an engine failure. */
  engineFailures: number;
  /** Streams in a row that ended early and brought nothing new. */
  cutOffs: number;
  /** From the request to the whole answer; null unless done. */
  durationMs: number | null;
  finishedMs: number | null;
  attempt?: RowAttempt | null;
}

export const MAX_CONCURRENCY = 4;

export interface Counts {
  total: number;
  queued: number;
  sending: number;
  done: number;
  error: number;
}

export function countRows(rows: readonly Pick<BatchRow, "status">[]): Counts {
  const counts: Counts = { total: rows.length, queued: 0, sending: 0, done: 0, error: 0 };
  for (const { status } of rows) counts[status] += 1;
  return counts;
}
