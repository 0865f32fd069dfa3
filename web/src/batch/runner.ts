import { ConnectionLost } from "../api/errors.ts";
import type { Client } from "../api/client.ts";
import { NO_ANSWER } from "../api/completion.ts";
import type { ModelCard } from "../api/types.ts";
import { ask } from "../chat/ask.ts";
import { judge, MAX_CUT_OFFS, MAX_ENGINE_FAILURES } from "../chat/failure.ts";
import { tabExclusive, type Exclusive } from "../chat/outbox.ts";
import type { Uploads } from "../images/uploads.ts";
import type { Database } from "../store/db.ts";
import { newId } from "../store/ids.ts";
import { AnswerWatch, type Fault } from "../retry/watch.ts";
import type { MessageError, Recipe } from "../store/records.ts";
import { MAX_CONCURRENCY, type Batch, type BatchRow } from "./records.ts";
import { asFaulty, askedAgain, EMPTY_ANSWER } from "./second.ts";
import { claimRow, loadRows, REQUEUED, updateBatch, updateRow } from "./store.ts";

/** What a run has to know about the gateway. */
export interface Readiness {
  whenReady(timeoutMs: number, signal: AbortSignal): Promise<void>;
  readonly model: (Pick<ModelCard, "id" | "name"> & Partial<Pick<ModelCard, "sampling">>) | null;
}

export interface RunOptions {
  db: Database;
  client: Client;
  gateway: Readiness;
  uploads?: Uploads;
  /** The request for a row of a batch, as things stand. */
  recipeFor: (batch: Batch, row: BatchRow) => Recipe;
  onRow: (row: BatchRow) => void;
  onBatch: (batch: Batch) => void;
  /** What has come of a row's answer. */
  onText: (rowId: string, text: string) => void;
  onStorageError: (cause: unknown) => void;
  /** Whether an answer that is empty or repeats itself is asked for once more. */
  secondAttempts?: () => boolean;
  exclusive?: Exclusive;
  /** Resolves after `delayMs`, or when `signal` aborts. */
  pause?: (delayMs: number, signal: AbortSignal) => Promise<void>;
}

const BLIND_RETRY_MS = 10_000;
const REATTACH_DELAY_MS = 150;

const clamp = (wish: number) => Math.min(MAX_CONCURRENCY, Math.max(1, Math.round(wish)));

/**
 * One batch being worked off, in one tab at a time.
 *
 * A row has its key and its whole recipe on disk before its request leaves, and gets its answer on disk in
 * one step. After a reload the row is asked for again with the same key, so that the gateway continues its
 * run and does not start another one.
 */
export class BatchRun {
  readonly #options: RunOptions;
  readonly #batchId: string;
  readonly #all = new AbortController();
  readonly #active = new Map<string, AbortController>();
  #pausing = false;
  /** Resolves when a row has ended or something has changed that lets another one begin. */
  #wake: () => void = () => undefined;
  readonly ended: Promise<void>;

  constructor(batchId: string, options: RunOptions) {
    this.#batchId = batchId;
    this.#options = options;
    const exclusive = options.exclusive ?? tabExclusive;
    this.ended = exclusive(`huiyan-batch-${batchId}`, this.#all.signal, () => this.#work()).catch((cause: unknown) => {
      if (!this.#all.signal.aborted) options.onStorageError(cause);
    });
  }

  /** Rows being written in this tab. */
  get activeIds(): ReadonlySet<string> {
    return new Set(this.#active.keys());
  }

  /** Look again for rows to send: some were added, or more may go at once. */
  poke(): void {
    this.#wake();
  }

  /** Begin no further row; those on their way come to their end. */
  pause(): void {
    this.#pausing = true;
    this.#wake();
  }

  /** Go on after `pause`, while rows are still on their way. */
  unpause(): void {
    this.#pausing = false;
    this.#wake();
  }

  /** End now: rows on their way are taken back into the queue. */
  async stop(): Promise<void> {
    this.#pausing = true;
    this.#all.abort();
    const ids = [...this.#active.keys()];
    for (const id of ids) await this.withdraw(id);
    await this.ended;
  }

  /** The page is being closed: leave the rows as they are on disk. */
  abandon(): void {
    this.#all.abort();
    for (const abort of this.#active.values()) abort.abort();
  }

  /** Take one row that is on its way back into the queue. */
  async withdraw(rowId: string): Promise<void> {
    const { db, client, onRow } = this.#options;
    this.#active.get(rowId)?.abort();
    const stopped: { key: string | null } = { key: null };
    const row = await updateRow(db, rowId, (current) => {
      if (current.status !== "sending") return null;
      stopped.key = current.idempotencyKey;
      return REQUEUED;
    });
    if (stopped.key !== null) void client.stop(stopped.key);
    if (row) onRow(row);
  }

  async #work(): Promise<void> {
    const { db } = this.#options;
    // What an earlier page was sending goes first, each with the key that it has.
    const interrupted = (await loadRows(db, this.#batchId)).filter((row) => row.status === "sending");
    for (;;) {
      if (this.#all.signal.aborted) return;
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      const batch = await db.get("batches", this.#batchId);
      if (!batch) return;
      while (this.#active.size < clamp(batch.concurrency)) {
        // Also while pausing: an earlier page had begun it.
        const row = interrupted.shift() ?? (this.#pausing ? null : await this.#claim(batch));
        if (!row) break;
        this.#begin(row);
      }
      if (this.#active.size === 0) {
        await this.#over();
        return;
      }
      await woken;
    }
  }

  async #claim(batch: Batch): Promise<BatchRow | null> {
    const { db, recipeFor, gateway } = this.#options;
    if (!gateway.model) await gateway.whenReady(BLIND_RETRY_MS, this.#all.signal).catch(() => undefined);
    if (this.#pausing) return null;
    const row = await claimRow(db, this.#batchId, (each) => recipeFor(batch, each));
    for (const { images } of row?.recipe?.messages ?? []) for (const hash of images) this.#options.uploads?.offer(hash);
    return row;
  }

  async #over(): Promise<void> {
    if (this.#pausing) return; // whoever paused it has said so on disk
    const { db, onBatch } = this.#options;
    const batch = await updateBatch(db, this.#batchId, ({ state }) => (state === "running" ? { state: "idle" } : {}));
    if (batch) onBatch(batch);
  }

  #begin(row: BatchRow): void {
    const abort = new AbortController();
    this.#active.set(row.id, abort);
    this.#options.onRow(row);
    void this.#send(row, abort.signal)
      .catch((cause: unknown) => {
        if (!abort.signal.aborted) this.#options.onStorageError(cause);
      })
      .finally(() => {
        this.#active.delete(row.id);
        this.#wake();
      });
  }

  async #send(row: BatchRow, signal: AbortSignal): Promise<void> {
    let current: BatchRow | null = row;
    let unreached = 0;
    while (current && !signal.aborted) {
      const progress = { longest: 0 };
      const asked: BatchRow = current;
      try {
        await this.#options.gateway.whenReady(BLIND_RETRY_MS, signal);
        current = await this.#attempt(asked, progress, signal);
      } catch (cause) {
        if (signal.aborted) return;
        if (progress.longest > 0) unreached = 0;
        else if (cause instanceof ConnectionLost) unreached += 1;
        const next = await this.#afterFailure(asked, cause, progress.longest > 0);
        current = next?.row ?? null;
        if (next) await (this.#options.pause ?? pause)(Math.min(BLIND_RETRY_MS, next.delayMs * 2 ** Math.min(unreached, 6)), signal);
      }
    }
  }

  /** One run, or one reading of it. Returns when the answer is on disk; not null: the row, to be asked once more. */
  async #attempt(row: BatchRow, progress: { longest: number }, signal: AbortSignal): Promise<BatchRow | null> {
    const { gateway, onText, secondAttempts } = this.#options;
    const { recipe, idempotencyKey: key } = row;
    if (!recipe || key === null) return null;
    const startMs = Date.now();
    const watch = secondAttempts?.() ? new AnswerWatch() : null;
    let model: string | null = null;
    let whole = NO_ANSWER;
    const facts = () => ({ model, durationMs: Date.now() - startMs, finishedMs: Date.now() });
    for await (const answer of ask(this.#options, recipe, key, signal)) {
      whole = answer;
      model = gateway.model?.name ?? answer.model;
      progress.longest = Math.max(progress.longest, answer.text.length);
      onText(row.id, answer.text);
      const fault = watch?.follow(answer);
      if (fault) return this.#faulty(row, fault, facts());
    }
    signal.throwIfAborted();
    const fault = await watch?.end(whole);
    signal.throwIfAborted();
    if (fault) return this.#faulty(row, fault, facts());
    const { text } = whole;
    if (text.trim() === "") await this.#settle(row, { status: "error", error: EMPTY_ANSWER, finishedMs: Date.now() });
    else await this.#settle(row, { status: "done", answer: text, error: null, ...facts() });
    return null;
  }

  /** An answer that is empty or repeats itself: once more, if it was the first. */
  async #faulty(row: BatchRow, fault: Fault, facts: Partial<BatchRow>): Promise<BatchRow | null> {
    const { client, gateway, onText } = this.#options;
    const next = row.attempt ? asFaulty(row.attempt, fault) : askedAgain(row, fault, gateway.model?.sampling ?? null);
    const settled = await this.#settle(row, row.attempt ? { ...next, ...facts } : next);
    if (row.idempotencyKey !== null) void client.stop(row.idempotencyKey);
    if (!settled || row.attempt) return null;
    onText(row.id, "");
    return settled;
  }

  /** Write a row's new state, unless it was taken back meanwhile. */
  async #settle(row: BatchRow, change: Partial<BatchRow>): Promise<BatchRow | null> {
    const { db, onRow } = this.#options;
    const next = await updateRow(db, row.id, (current) =>
      current.status === "sending" && current.idempotencyKey === row.idempotencyKey ? change : null,
    );
    if (next) onRow(next);
    return next;
  }

  async #afterFailure(
    row: BatchRow,
    cause: unknown,
    began: boolean,
  ): Promise<{ row: BatchRow | null; delayMs: number } | null> {
    const { model } = this.#options.gateway;
    const verdict = judge(cause);
    const fail = async (error: MessageError) => {
      await this.#settle(row, { status: "error", error, finishedMs: Date.now() });
      return null;
    };
    switch (verdict.act) {
      case "fail": {
        // The model was exchanged while the batch ran: the row is asked of the one that is there.
        const { recipe } = row;
        if (verdict.error.code === "model_not_found" && recipe && model && model.id !== recipe.model) {
          const change = { recipe: { ...recipe, model: model.id }, idempotencyKey: newId() };
          return { row: await this.#settle(row, change), delayMs: 0 };
        }
        return fail(verdict.error);
      }
      case "reattach": {
        const cutOffs = began ? row.cutOffs + 1 : row.cutOffs;
        if (cutOffs > MAX_CUT_OFFS) return fail({ ...EMPTY_ANSWER, code: "cut_off", message: String(cause) });
        const next = began ? await this.#settle(row, { cutOffs }) : row;
        return { row: next, delayMs: REATTACH_DELAY_MS * 2 ** cutOffs };
      }
      case "rerun": {
        const engineFailures = row.engineFailures + 1;
        if (engineFailures >= MAX_ENGINE_FAILURES) return fail(verdict.error);
        const next = await this.#settle(row, { engineFailures, idempotencyKey: newId() });
        return { row: next, delayMs: verdict.delayMs };
      }
      case "wait":
        return { row, delayMs: verdict.delayMs };
    }
  }
}

function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, delayMs);
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done, { once: true });
  });
}
