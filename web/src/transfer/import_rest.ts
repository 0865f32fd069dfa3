import { REQUEUED } from "../batch/store.ts";
import type { BatchRow } from "../batch/records.ts";
import type { StoredPreset } from "../presets/records.ts";
import type { Database } from "../store/db.ts";
import { newId } from "../store/ids.ts";
import { hashesOf } from "../store/records.ts";
import { Invalid } from "./check.ts";
import type { BatchFile, PresetsFile } from "./format_rest.ts";

/** What the fields of a batch say together. Nothing of it is sent by itself here. Throws: Invalid. */
export function tidyBatch({ batch, rows }: BatchFile): BatchFile {
  if (new Set(rows.map((row) => row.id)).size < rows.length) throw new Invalid(`batch ${batch.id}: a row is there twice`);
  return {
    batch: { ...batch, state: batch.state === "running" ? "paused" : batch.state },
    rows: rows.map((row): BatchRow => ({
      ...row,
      batchId: batch.id,
      imageHashes: hashesOf([row.image]),
      ...(row.status === "sending" ? REQUEUED : {}),
    })),
  };
}

/** It is here already, with the same answers and edits. */
export async function isKnownBatch(db: Database, { batch, rows }: BatchFile): Promise<boolean> {
  if ((await db.getKey("batches", batch.id)) === undefined) return false;
  const here = await db.getAllFromIndex("batchRows", "batchId", batch.id);
  const facts = ({ answer, edits, attempt }: BatchRow) => JSON.stringify([answer, edits, attempt?.other ?? null]);
  const known = new Map(here.map((row) => [row.id, facts(row)]));
  return rows.every((row) => known.get(row.id) === facts(row));
}

/** Whole or not at all; what has a known id gets a new one. */
export async function writeBatch(db: Database, file: BatchFile): Promise<void> {
  const { batch, rows } = (await hasConflict(db, file)) ? withNewIds(file) : file;
  const tx = db.transaction(["batches", "batchRows"], "readwrite");
  await Promise.all([
    tx.objectStore("batches").add(batch),
    ...rows.map((row) => tx.objectStore("batchRows").add(row)),
    tx.done,
  ]);
}

async function hasConflict(db: Database, { batch, rows }: BatchFile): Promise<boolean> {
  if ((await db.getKey("batches", batch.id)) !== undefined) return true;
  const tx = db.transaction("batchRows");
  const keys = await Promise.all(rows.map((row) => tx.store.getKey(row.id)));
  return keys.some((key) => key !== undefined);
}

function withNewIds({ batch, rows }: BatchFile): BatchFile {
  const id = newId();
  return { batch: { ...batch, id }, rows: rows.map((row) => ({ ...row, id: newId(), batchId: id })) };
}

const content = (preset: StoredPreset) => JSON.stringify({ ...preset, updatedMs: 0 }, Object.keys(preset).sort());

/**
 * Presets and words that are not here yet. A preset that was changed here and there comes as a second one;
 * words come to those that are here. Returns how many presets and words are new.
 */
export async function importPresets(db: Database, file: PresetsFile): Promise<{ presets: number; words: number }> {
  const tx = db.transaction(["presets", "wordLists"], "readwrite");
  const report = { presets: 0, words: 0 };
  for (const preset of file.presets) {
    const here = await tx.objectStore("presets").get(preset.id);
    if (here && (content(here) === content(preset) || preset.hidden)) continue;
    await tx.objectStore("presets").put(here ? { ...preset, id: newId() } : preset);
    report.presets += 1;
  }
  for (const list of file.wordLists) {
    const here = await tx.objectStore("wordLists").get(list.id);
    const known = new Set(here?.words.map(({ word }) => word));
    const fresh = list.words.filter(({ word }) => !known.has(word));
    if (here && fresh.length === 0) continue;
    await tx.objectStore("wordLists").put({ id: list.id, words: [...(here?.words ?? []), ...fresh] });
    report.words += fresh.length;
  }
  await tx.done;
  return report;
}
