import { buildRecipe } from "../chat/recipe.ts";
import type { Client } from "../api/client.ts";
import type { Composer } from "../chat/composer.svelte.ts";
import type { I18n } from "../i18n/i18n.svelte.ts";
import type { Uploads } from "../images/uploads.ts";
import { ImageRefused, type RefusalReason } from "../images/prepare.ts";
import type { Gateway } from "../models/gateway.svelte.ts";
import type { Presets } from "../presets/presets.svelte.ts";
import type { Preset, PresetUse } from "../presets/records.ts";
import { usePreset } from "../presets/template.ts";
import type { Settings } from "../settings/settings.svelte.ts";
import type { Database } from "../store/db.ts";
import { newId } from "../store/ids.ts";
import { askToPersist } from "../store/persist.ts";
import type { ImageRef, Message, Recipe } from "../store/records.ts";
import { countRows, type Batch, type BatchRow, type Counts } from "./records.ts";
import { BatchRun } from "./runner.ts";
import { swapped } from "./second.ts";
import { BatchSheet } from "./sheet.svelte.ts";
import * as store from "./store.ts";

export interface BatchesParts {
  db: Database;
  client: Client;
  uploads: Uploads;
  gateway: Gateway;
  settings: Settings;
  i18n: I18n;
  composer: Composer;
  presets: Presets;
  onStorageError: (cause: unknown) => void;
}

/** Files being read at the same time: the worker takes one after the other, reading them from disk overlaps. */
const READERS = 3;

export interface BatchSummary {
  batch: Batch;
  counts: Counts;
}

interface TabWord {
  batchId: string;
  /** Null: the batch itself. */
  rowId: string | null;
}

export interface FileRefusal {
  name: string;
  reason: RefusalReason | "storage";
}

/** All batches: their rows on disk, the runs that work on them, and the sheet that is open. */
export class Batches {
  readonly #parts: BatchesParts;
  // eslint-disable-next-line svelte/prefer-svelte-reactivity -- nothing is drawn from it
  readonly #runs = new Map<string, BatchRun>();
  readonly #channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("huiyan-batches");
  sheet = $state.raw<BatchSheet | null>(null);
  /** Runs in this tab. */
  #running = $state(0);

  constructor(parts: BatchesParts) {
    this.#parts = parts;
    this.#channel?.addEventListener("message", (event: MessageEvent<TabWord>) => {
      void this.#fromOtherTab(event.data).catch(parts.onStorageError);
    });
  }

  get busy(): boolean {
    return this.#running > 0;
  }

  /** Go on with what an earlier page was working on. */
  async resume(): Promise<void> {
    const { db } = this.#parts;
    for (const batch of await db.getAll("batches")) {
      if (batch.state === "running") this.#ensure(batch.id);
      else if (batch.state === "paused") {
        const rows = await store.loadRows(db, batch.id);
        if (rows.some((row) => row.status === "sending")) this.#ensure(batch.id).pause();
      }
    }
  }

  async list(): Promise<BatchSummary[]> {
    const { db } = this.#parts;
    const batches = await store.listBatches(db);
    return Promise.all(
      batches.map(async (batch) => ({ batch, counts: countRows(await store.loadRows(db, batch.id)) })),
    );
  }

  /** With the preset that is likeliest meant, unless there is a prompt. Returns its id. */
  async create(images: readonly ImageRef[], prompt = ""): Promise<string> {
    const { db, i18n, gateway, presets } = this.#parts;
    const nowMs = Date.now();
    const preset = prompt === "" ? presets.preferred : null;
    const values = preset ? presets.lastValues(preset.id) : {};
    const used = preset ? usePreset(preset, values) : { prompt, use: null };
    const batch: Batch = {
      id: newId(),
      title: `${preset?.name ?? i18n.t("batch.title")} ${i18n.date(nowMs)} ${i18n.time(nowMs)}`,
      createdMs: nowMs,
      updatedMs: nowMs,
      state: "idle",
      ...used,
      values,
      // One slot: more at once would only wait inside of it.
      concurrency: gateway.model?.demo === false && gateway.engine?.engine !== "llama_cpp" ? 2 : 1,
    };
    await store.saveBatch(
      db,
      batch,
      images.map((image, index) => store.newRow(batch.id, image, index)),
    );
    void askToPersist().catch(() => undefined);
    return batch.id;
  }

  /** Show a batch. Null: there is no such one (any more). */
  async open(id: string): Promise<BatchSheet | null> {
    if (this.sheet?.id === id) return this.sheet;
    const { db } = this.#parts;
    const [batch, rows] = await Promise.all([db.get("batches", id), store.loadRows(db, id)]);
    this.sheet = batch ? new BatchSheet(batch, rows) : null;
    return this.sheet;
  }

  /** Read files and put them at the end, in their order. Returns what was not taken. */
  async addFiles(id: string, files: readonly File[]): Promise<FileRefusal[]> {
    const { db, composer, onStorageError } = this.#parts;
    const rows = await store.loadRows(db, id);
    const from = (rows.at(-1)?.position ?? -1) + 1;
    const refusals: FileRefusal[] = [];
    const waiting = [...files.entries()];
    const sheet = await this.open(id);
    if (sheet) sheet.reading += waiting.length;
    const work = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        const [index, file] = next;
        try {
          const row = store.newRow(id, await composer.read(file), from + index);
          await db.put("batchRows", row);
          this.#show(row);
        } catch (cause) {
          if (!(cause instanceof ImageRefused)) onStorageError(cause);
          refusals.push({ name: file.name, reason: cause instanceof ImageRefused ? cause.reason : "storage" });
        }
        if (sheet) sheet.reading -= 1;
      }
    };
    await Promise.all(Array.from({ length: READERS }, work));
    this.#runs.get(id)?.poke();
    if (sheet) sheet.refused = [...sheet.refused, ...refusals];
    return refusals;
  }

  async start(id: string): Promise<void> {
    await this.#change(id, { state: "running" });
    this.#ensure(id).unpause();
  }

  async pause(id: string): Promise<void> {
    await this.#change(id, { state: "paused" });
    this.#runs.get(id)?.pause();
  }

  /** End now; rows on their way are taken back. */
  async stop(id: string): Promise<void> {
    await this.#change(id, { state: "paused" });
    await this.#runs.get(id)?.stop();
  }

  /** Ask rows (again) and go on. */
  async retry(id: string, rows: readonly BatchRow[]): Promise<void> {
    for (const { id: rowId } of rows) {
      const row = await store.updateRow(this.#parts.db, rowId, (current) =>
        current.status === "sending" ? null : store.REQUEUED,
      );
      if (row) this.#show(row);
    }
    await this.start(id);
  }

  async edit(rowId: string, edits: Record<string, string>): Promise<void> {
    const row = await store.updateRow(this.#parts.db, rowId, () => ({ edits }));
    if (row) this.#show(row);
  }

  /** Take the other one of the two answers that a row was given. */
  async swap(rowId: string): Promise<void> {
    const row = await store.updateRow(this.#parts.db, rowId, swapped);
    if (row) this.#show(row);
  }

  async removeRow(row: BatchRow): Promise<void> {
    await this.#runs.get(row.batchId)?.withdraw(row.id);
    await store.deleteRow(this.#parts.db, row.id);
    this.sheet?.remove(row.id);
    this.#tell({ batchId: row.batchId, rowId: row.id });
  }

  async remove(id: string): Promise<void> {
    await this.#runs.get(id)?.stop();
    await store.deleteBatch(this.#parts.db, id);
    if (this.sheet?.id === id) this.sheet = null;
    this.#tell({ batchId: id, rowId: null });
  }

  /** What is asked from now on; rows that have an answer keep it. */
  async choose(id: string, preset: Preset, values: Record<string, string>): Promise<void> {
    this.#parts.presets.remember(preset.id, values);
    await this.#change(id, { ...usePreset(preset, values), values });
    const { sheet } = this;
    const before = sheet?.id === id ? sheet.batch.title : "";
    // A title of the page's own making names the preset; one that was given stays.
    const named = this.#parts.presets.list.find((each) => before.startsWith(`${each.name} `));
    if (named && named.id !== preset.id) await this.#change(id, { title: preset.name + before.slice(named.name.length) });
  }

  async change(id: string, change: Partial<Pick<Batch, "title" | "prompt" | "use" | "concurrency">>): Promise<void> {
    await this.#change(id, change);
    this.#runs.get(id)?.poke();
  }

  async #change(id: string, change: Partial<Batch>): Promise<void> {
    const plain = $state.snapshot(change) as Partial<Batch>;
    const batch = await store.updateBatch(this.#parts.db, id, () => plain);
    if (batch) this.#showBatch(batch);
  }

  #ensure(id: string): BatchRun {
    const known = this.#runs.get(id);
    if (known) {
      known.poke();
      return known;
    }
    const { db, client, uploads, gateway, settings, onStorageError } = this.#parts;
    const run = new BatchRun(id, {
      db,
      client,
      uploads,
      gateway,
      recipeFor: (batch, row) => this.#recipeFor(batch, row),
      onRow: (row) => {
        this.#show(row);
      },
      onBatch: (batch) => {
        this.#showBatch(batch);
      },
      onText: (rowId, text) => {
        if (this.sheet?.id === id) this.sheet.growing.set(rowId, text);
      },
      secondAttempts: () => settings.secondAttempts,
      onStorageError,
    });
    this.#runs.set(id, run);
    this.#running += 1;
    void run.ended.finally(() => {
      this.#runs.delete(id);
      this.#running -= 1;
      void this.#afterEnd(id).catch(onStorageError);
    });
    return run;
  }

  /** Rows may have been added, or the reader gone on, just while the run came to its end. */
  async #afterEnd(id: string): Promise<void> {
    const batch = await this.#parts.db.get("batches", id);
    if (batch?.state === "running" && !this.#runs.has(id)) this.#ensure(id);
  }

  #recipeFor(batch: Batch, row: BatchRow): Recipe {
    const { gateway, settings } = this.#parts;
    const { use } = batch;
    return buildRecipe({
      path: [question(batch.prompt, row, use)],
      card: gateway.model ?? { id: "", demo: false },
      maxImages: gateway.maxImages,
      systemPrompt: (use?.systemPrompt ?? "") || settings.systemPrompt,
      sampling: { ...settings.sampling, ...use?.sampling },
    }).recipe;
  }

  #show(row: BatchRow): void {
    if (this.sheet?.id === row.batchId) this.sheet.put(row);
    this.#tell({ batchId: row.batchId, rowId: row.id });
  }

  #showBatch(batch: Batch): void {
    if (this.sheet?.id === batch.id) this.sheet.batch = batch;
    this.#tell({ batchId: batch.id, rowId: null });
  }

  #tell(word: TabWord): void {
    this.#channel?.postMessage(word);
  }

  async #fromOtherTab({ batchId, rowId }: TabWord): Promise<void> {
    const { db } = this.#parts;
    const { sheet } = this;
    if (sheet?.id !== batchId) return;
    if (rowId === null) {
      const batch = await db.get("batches", batchId);
      if (batch) sheet.batch = batch;
      // Paused in the other tab: the run may be this one's.
      if (batch?.state === "paused") this.#runs.get(batchId)?.pause();
      else if (batch?.state === "running") this.#runs.get(batchId)?.unpause();
      return;
    }
    const row = await db.get("batchRows", rowId);
    if (row) sheet.put(row);
    else sheet.remove(rowId);
  }
}

/** A row as the question of a conversation of its own. */
function question(prompt: string, row: BatchRow, preset: PresetUse | null): Message {
  return {
    id: row.id,
    conversationId: row.batchId,
    parentId: null,
    role: "user",
    text: prompt,
    reasoning: "",
    images: [row.image],
    imageHashes: row.imageHashes,
    createdMs: 0,
    status: "done",
    error: null,
    model: null,
    finishReason: null,
    usage: null,
    timing: null,
    sent: null,
    ...(preset ? { preset } : {}),
  };
}
