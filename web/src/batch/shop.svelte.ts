import type { Client } from "../api/client.ts";
import type { Chat } from "../chat/chat.svelte.ts";
import type { Composer } from "../chat/composer.svelte.ts";
import type { CompareSource } from "../compare/source.ts";
import type { I18n } from "../i18n/i18n.svelte.ts";
import type { Uploads } from "../images/uploads.ts";
import type { Gateway } from "../models/gateway.svelte.ts";
import type { Presets } from "../presets/presets.svelte.ts";
import type { Settings } from "../settings/settings.svelte.ts";
import type { Database } from "../store/db.ts";
import type { Notices } from "../ui/notices.svelte.ts";
import type { Batches } from "./batches.svelte.ts";

export interface ShopParts {
  db: Database;
  client: Client;
  uploads: Uploads;
  gateway: Gateway;
  settings: Settings;
  i18n: I18n;
  composer: Composer;
  chat: Chat;
  notices: Notices;
  onStorageError: (cause: unknown) => void;
}

/** `#/batch` is the list of batches, `#/batch/ID` one of them. */
const BATCH_HASH = /^#\/batch(?:\/([\w-]+))?$/;

/** What goes beyond one question: presets, batches, comparisons. All of it is fetched when first used. */
export class Shop {
  readonly #parts: ShopParts;
  /** Id of the batch whose page is open, "" for the list of batches, null for the chat. */
  batchId = $state<string | null>(null);
  /** Files that found no room in the strip, and could be a batch together with those that did. */
  overflow = $state.raw<readonly File[]>([]);
  panel = $state<"picker" | "presets" | "words" | null>(null);
  comparing = $state.raw<CompareSource | null>(null);
  /** What was said about files that are no problem any more once they are in a batch. */
  readonly #offered: string[] = [];
  #presets: Promise<Presets> | null = null;
  #batches: Promise<Batches> | null = null;
  /** Both, once they are here. */
  presetsNow = $state.raw<Presets | null>(null);
  batchesNow = $state.raw<Batches | null>(null);

  constructor(parts: ShopParts) {
    this.#parts = parts;
  }

  presets(): Promise<Presets> {
    this.#presets ??= this.#loadPresets().catch((cause: unknown) => {
      this.#presets = null; // the next one who asks tries again
      throw cause;
    });
    return this.#presets;
  }

  async #loadPresets(): Promise<Presets> {
    const { i18n } = this.#parts;
    const [{ Presets }] = await Promise.all([import("../presets/presets.svelte.ts"), i18n.loadLate()]);
    const presets = new Presets(this.#parts);
    await presets.load();
    this.presetsNow = presets;
    return presets;
  }

  batches(): Promise<Batches> {
    this.#batches ??= this.#loadBatches().catch((cause: unknown) => {
      this.#batches = null;
      throw cause;
    });
    return this.#batches;
  }

  async #loadBatches(): Promise<Batches> {
    const [{ Batches }, presets] = await Promise.all([import("./batches.svelte.ts"), this.presets()]);
    const batches = new Batches({ ...this.#parts, presets });
    this.batchesNow = batches;
    return batches;
  }

  /** Go on with batches that an earlier page was working on. */
  async resume(): Promise<void> {
    const { db } = this.#parts;
    const [running, paused] = await Promise.all([
      db.countFromIndex("batches", "state", "running"),
      db.countFromIndex("batches", "state", "paused"),
    ]);
    if (running + paused > 0) await (await this.batches()).resume();
  }

  /** Something of this lies over the conversation. */
  get covers(): boolean {
    return this.batchId !== null || this.panel !== null || this.comparing !== null;
  }

  get busy(): boolean {
    return this.batchesNow?.busy ?? false;
  }

  /** The part of the address behind the path, while a batch page is open. */
  get address(): string | null {
    return this.batchId === null ? null : this.batchId === "" ? "#/batch" : `#/batch/${this.batchId}`;
  }

  /** Show what the address names. */
  follow(hash: string): void {
    const found = BATCH_HASH.exec(hash);
    this.batchId = found ? (found[1] ?? "") : null;
  }

  /** Files for the open batch. False: none is open, they are for the composer. */
  takeFiles(files: readonly File[]): boolean {
    if (this.batchId === null || this.batchId === "") return false;
    const id = this.batchId;
    void this.batches().then((batches) => batches.addFiles(id, files), this.#parts.onStorageError);
    return true;
  }

  /** Remember files that found no room. `text`: what the reader is told about them; returns it with the way out. */
  offer(files: readonly File[], text: string): string {
    this.overflow = [...this.overflow, ...files];
    const whole = `${text} ${this.#parts.i18n.t("batch.offer")}`;
    this.#offered.push(whole);
    return whole;
  }

  /** Make a batch of the pictures in the strip and those that did not fit in, and open its page. */
  async startBatch(): Promise<void> {
    const { composer, notices, onStorageError } = this.#parts;
    try {
      const batches = await this.batches();
      const files = this.overflow;
      this.overflow = [];
      for (const notice of notices.list) if (this.#offered.includes(notice.text)) notices.dismiss(notice.id);
      this.batchId = await batches.create(composer.images, composer.text.trim());
      composer.clear();
      if (files.length > 0) await batches.addFiles(this.batchId, files);
    } catch (cause) {
      onStorageError(cause);
    }
  }
}
