/**
 * What an archive of version 2 carries beside conversations: `batches/ID.json` is one batch sheet with its
 * rows; `presets.json` the presets that are the reader's own or were changed, and the list of words;
 * `settings.json` the settings.
 */

import type { Batch, BatchRow, RowAttempt } from "../batch/records.ts";
import { MAX_CONCURRENCY } from "../batch/records.ts";
import type { BannedWord } from "../presets/banned.ts";
import type { PresetVariable, StoredPreset, WordList } from "../presets/records.ts";
import { parseSettings, type Saved } from "../settings/settings.svelte.ts";
import type { Recipe, RecipeMessage } from "../store/records.ts";
import { flag, json, list, nullable, number, oneOf, record, text, type Check } from "./check.ts";
import { amount, count, error, field, id, image, MAX_TEXT, name, preset, reason, sampling, sha256, words } from "./format.ts";

export const BATCH_FILE = /^batches\/[\w-]{1,64}\.json$/;
export const PRESETS_FILE = "presets.json";
export const SETTINGS_FILE = "settings.json";

const MOST_ROWS = 20_000;
const MOST_IMAGES = 64;

/** A batch sheet and its rows, but for the pictures' bytes. */
export interface BatchFile {
  batch: Batch;
  rows: BatchRow[];
}

export interface PresetsFile {
  presets: StoredPreset[];
  wordLists: WordList[];
}

/** By names that the file chooses. */
const texts: Check<Record<string, string>> = (value, path) => {
  const entries = Object.entries(json(value, path));
  return Object.fromEntries(entries.map(([key, each]) => [name(key, path), text(MAX_TEXT)(each, `${path}.${key}`)]));
};

const batch = record<Batch>({
  id,
  title: name,
  createdMs: count,
  updatedMs: count,
  state: oneOf("idle", "running", "paused"),
  prompt: words,
  use: nullable(preset),
  values: texts,
  concurrency: number(1, MAX_CONCURRENCY),
});

const recipe = record<Recipe>({
  model: name,
  messages: list(
    record<RecipeMessage>(
      {
        role: oneOf("system", "user", "assistant"),
        text: text(MAX_TEXT),
        images: list(sha256, MOST_IMAGES),
        labels: list(name, MOST_IMAGES),
      },
      "labels",
    ),
    1000,
  ),
  labelImages: flag,
  sampling,
});

const attempt = record<RowAttempt>(
  {
    reason,
    temperature: amount,
    shown: oneOf("first", "second"),
    other: record({ answer: text(MAX_TEXT), edits: texts }),
    failed: reason,
  },
  "failed",
);

const row = record<BatchRow>(
  {
    id,
    batchId: id,
    position: amount,
    image,
    imageHashes: list(sha256, 2),
    status: oneOf("queued", "sending", "done", "error"),
    idempotencyKey: nullable(id),
    recipe: nullable(recipe),
    answer: text(MAX_TEXT),
    edits: texts,
    error: nullable(error),
    model: nullable(name),
    engineFailures: count,
    cutOffs: count,
    durationMs: nullable(count),
    finishedMs: nullable(count),
    attempt: nullable(attempt),
  },
  "attempt",
);

export const batchFile = record<BatchFile>({ batch, rows: list(row, MOST_ROWS) });

const storedPreset = record<StoredPreset>({
  id,
  name,
  template: words,
  variables: list(record<PresetVariable>({ name, label: name, value: words }), 200),
  output: oneOf("text", "fields", "json", "schema"),
  fields: list(field, 200),
  systemPrompt: words,
  sampling,
  checkBanned: flag,
  updatedMs: count,
  hidden: flag,
});

const word = record<BannedWord>({ word: name, instead: name, except: list(name, 200) });

export const presetsFile = record<PresetsFile>({
  presets: list(storedPreset, 2000),
  wordLists: list(record<WordList>({ id: oneOf("banned"), words: list(word, 10_000) }), 1),
});

/** As lenient as the page is with its own: what does not fit becomes the default. */
export const settingsFile: Check<Saved> = (value, path) => parseSettings(JSON.stringify(json(value, path)));
