import type { Database } from "../store/db.ts";
import { newId } from "../store/ids.ts";
import { hashesOf, imageRef, type ImageRef, type Recipe } from "../store/records.ts";
import type { Batch, BatchRow } from "./records.ts";

/** Newest first. */
export async function listBatches(db: Database): Promise<Batch[]> {
  return (await db.getAll("batches")).sort((a, b) => b.updatedMs - a.updatedMs);
}

/** In their order. */
export async function loadRows(db: Database, batchId: string): Promise<BatchRow[]> {
  return (await db.getAllFromIndex("batchRows", "batchId", batchId)).sort((a, b) => a.position - b.position);
}

export function newRow(batchId: string, image: ImageRef, position: number): BatchRow {
  const ref = imageRef(image);
  return {
    id: newId(),
    batchId,
    position,
    image: ref,
    imageHashes: hashesOf([ref]),
    status: "queued",
    idempotencyKey: null,
    recipe: null,
    answer: "",
    edits: {},
    error: null,
    model: null,
    engineFailures: 0,
    cutOffs: 0,
    durationMs: null,
    finishedMs: null,
    attempt: null,
  };
}

/** A batch with its rows, all or nothing. */
export async function saveBatch(db: Database, batch: Batch, rows: readonly BatchRow[] = []): Promise<void> {
  const tx = db.transaction(["batches", "batchRows"], "readwrite", { durability: "strict" });
  const store = tx.objectStore("batchRows");
  await Promise.all([tx.objectStore("batches").put(batch), ...rows.map((row) => store.put(row)), tx.done]);
}

/** Read, change and write in one go, since several tabs may work on one batch. Null: it is gone. */
export async function updateBatch(
  db: Database,
  id: string,
  change: (batch: Batch) => Partial<Batch>,
): Promise<Batch | null> {
  const tx = db.transaction("batches", "readwrite", { durability: "strict" });
  const batch = await tx.store.get(id);
  const next = batch ? { ...batch, ...change(batch), updatedMs: Date.now() } : null;
  if (next) await tx.store.put(next);
  await tx.done;
  return next;
}

/** `change` gives null where nothing is to be written. Null: so it was, or the row is gone. */
export async function updateRow(
  db: Database,
  id: string,
  change: (row: BatchRow) => Partial<BatchRow> | null,
): Promise<BatchRow | null> {
  const tx = db.transaction("batchRows", "readwrite", { durability: "strict" });
  const row = await tx.store.get(id);
  const changed = row ? change(row) : null;
  const next = row && changed ? { ...row, ...changed } : null;
  if (next) await tx.store.put(next);
  await tx.done;
  return next;
}

/**
 * Give the next queued row its key and recipe, before anything of it is sent. One transaction: no two tabs
 * get the same row. Null: none is queued.
 */
export async function claimRow(
  db: Database,
  batchId: string,
  recipeFor: (row: BatchRow) => Recipe,
): Promise<BatchRow | null> {
  const tx = db.transaction("batchRows", "readwrite", { durability: "strict" });
  const rows = await tx.store.index("batchId").getAll(batchId);
  const queued = rows.filter((row) => row.status === "queued").sort((a, b) => a.position - b.position);
  const [first] = queued;
  const claimed: BatchRow | null = first
    ? { ...first, status: "sending", idempotencyKey: newId(), recipe: recipeFor(first), error: null }
    : null;
  if (claimed) await tx.store.put(claimed);
  await tx.done;
  return claimed;
}

/** What a row is when it is to be asked (again): the answer and the reader's edits of it go. */
export const REQUEUED: Partial<BatchRow> = {
  status: "queued",
  idempotencyKey: null,
  recipe: null,
  answer: "",
  edits: {},
  error: null,
  model: null,
  engineFailures: 0,
  cutOffs: 0,
  durationMs: null,
  finishedMs: null,
  attempt: null,
};

export async function deleteRow(db: Database, id: string): Promise<void> {
  await db.delete("batchRows", id);
}

/** Its pictures go with the next collection. */
export async function deleteBatch(db: Database, id: string): Promise<void> {
  const tx = db.transaction(["batches", "batchRows"], "readwrite");
  const rows = tx.objectStore("batchRows");
  const keys = await rows.index("batchId").getAllKeys(id);
  await Promise.all([tx.objectStore("batches").delete(id), ...keys.map((key) => rows.delete(key)), tx.done]);
}
