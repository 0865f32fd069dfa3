import type { Client } from "../api/client.ts";
import { caughtUp } from "../api/completion.ts";
import type { ModelCard } from "../api/types.ts";
import { saveMessage, settleMessage } from "../store/conversations.ts";
import type { Database } from "../store/db.ts";
import { ApiError } from "../api/errors.ts";
import type { Plan } from "../context/plan.ts";
import { secondTurn } from "../retry/second.ts";
import { saveSecondTurn } from "../retry/store.ts";
import { AnswerWatch, type Fault } from "../retry/watch.ts";
import type { Uploads } from "../images/uploads.ts";
import { newId } from "../store/ids.ts";
import { isPending, listOutbox, updateOutboxEntry } from "../store/outbox.ts";
import type { Conversation, Message, OutboxEntry } from "../store/records.ts";
import { ask } from "./ask.ts";
import { judge, MAX_CUT_OFFS, MAX_ENGINE_FAILURES } from "./failure.ts";

/** What the outbox has to know about the gateway. */
export interface Readiness {
  /** Resolves when a request has a chance, at the latest after `timeoutMs`. Rejects when `signal` aborts. */
  whenReady(timeoutMs: number, signal: AbortSignal): Promise<void>;
  readonly model: (Pick<ModelCard, "id" | "name"> & Partial<Pick<ModelCard, "sampling">>) | null;
}

/** Runs `work` while no other tab runs it for the same name. */
export type Exclusive = (name: string, signal: AbortSignal, work: () => Promise<void>) => Promise<void>;

export interface OutboxOptions {
  db: Database;
  client: Client;
  gateway: Readiness;
  uploads?: Uploads;
  /** Called with each new state of an answer, many times a second. */
  onMessage: (message: Message) => void;
  /** Called when an answer's state was written to disk. */
  onSaved: (message: Message) => void;
  onStorageError: (cause: unknown) => void;
  /** Whether an answer that is empty or repeats itself is asked for once more. */
  secondAttempts?: () => boolean;
  /** A second attempt stands beside its first one, and is what the conversation shows now. */
  onSecond?: (conversation: Conversation) => void;
  /** What to send in place of a request that was too long for the engine. Null: it cannot be any shorter. */
  shrink?: (entry: OutboxEntry, message: Message, engineMessage: string) => Promise<Plan | null>;
  exclusive?: Exclusive;
  /** Resolves after `delayMs`, or when `signal` aborts. */
  pause?: (delayMs: number, signal: AbortSignal) => Promise<void>;
}

/** A growing answer is on disk at least this often. */
const SAVE_INTERVAL_MS = 500;

/** Without any word from the gateway, try this often. */
const BLIND_RETRY_MS = 10_000;

const REATTACH_DELAY_MS = 150;

interface Send {
  entry: OutboxEntry;
  message: Message;
  abort: AbortController;
  savedMs: number;
  /** Requests in a row that brought nothing at all. */
  unreached: number;
}

class Withdrawn extends Error {
  override readonly name = "Withdrawn";
}

/** The browser's lock for a send; where there is none (plain HTTP), two tabs may read the same answer twice. */
export const tabExclusive: Exclusive = (name, signal, work) => {
  const locks = navigator.locks as LockManager | undefined;
  return locks ? locks.request(name, { signal }, work) : work();
};

/**
 * Brings every send to its one answer, whatever happens in between.
 *
 * An entry is on disk before its request leaves, and leaves the disk together with its final answer. A
 * run whose fate is unknown is asked for again with its own key, so that the gateway never runs it
 * twice; a run that is known to be over gets a new key.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #exclusive: Exclusive;
  readonly #pause: typeof pause;
  readonly #sends = new Map<string, Send>();

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#exclusive = options.exclusive ?? tabExclusive;
    this.#pause = options.pause ?? pause;
  }

  /** Take up what an earlier page left. Returns how many sends that are. */
  async resume(): Promise<number> {
    let resumed = 0;
    for (const entry of await listOutbox(this.#options.db)) {
      const message = await this.#options.db.get("messages", entry.messageId);
      if (message) {
        this.submit(entry, { ...message, status: "waiting", sent: entry.shrunk ?? message.sent });
        resumed += 1;
      } else await this.#options.db.delete("outbox", entry.messageId);
    }
    return resumed;
  }

  /** Start a send that is already on disk. */
  submit(entry: OutboxEntry, message: Message): void {
    if (this.#sends.has(entry.messageId)) return;
    const send: Send = { entry, message, abort: new AbortController(), savedMs: 0, unreached: 0 };
    this.#sends.set(entry.messageId, send);
    this.#options.onMessage(message);
    void this.#exclusive(`huiyan-send-${entry.messageId}`, send.abort.signal, () => this.#run(send))
      .catch(() => undefined) // aborted while waiting for the lock: `stop` has settled it
      .finally(() => {
        if (this.#sends.get(entry.messageId) === send) this.#sends.delete(entry.messageId);
      });
  }

  get pending(): number {
    return this.#sends.size;
  }

  /** The newest state of an answer that is being written, which the disk may not have yet. */
  current(messageId: string): Message | null {
    return this.#sends.get(messageId)?.message ?? null;
  }

  /** End a send now; what has arrived of its answer stays. */
  async stop(messageId: string): Promise<void> {
    const send = this.#sends.get(messageId);
    if (!send) return;
    const stopped: Message = { ...send.message, status: "stopped" };
    void this.#options.client.stop(send.entry.idempotencyKey);
    this.#drop(send);
    this.#show(send, stopped);
    await this.#settle(stopped);
  }

  /** End a send whose conversation is being deleted: nothing of it is written any more. */
  discard(conversationId: string): void {
    for (const send of [...this.#sends.values()]) {
      if (send.entry.conversationId !== conversationId) continue;
      void this.#options.client.stop(send.entry.idempotencyKey);
      this.#drop(send);
    }
  }

  /** Write what has arrived so far: the page may be about to be closed. */
  flush(): void {
    for (const send of this.#sends.values()) if (send.message.text !== "") this.#save(send);
  }

  #drop(send: Send): void {
    this.#sends.delete(send.entry.messageId);
    send.abort.abort(new Withdrawn());
  }

  #show(send: Send, message: Message): void {
    send.message = message;
    this.#options.onMessage(message);
  }

  #save(send: Send): void {
    send.savedMs = performance.now();
    const { message } = send;
    saveMessage(this.#options.db, message).then(() => {
      this.#options.onSaved(message);
    }, this.#options.onStorageError);
  }

  async #settle(message: Message): Promise<void> {
    await settleMessage(this.#options.db, message).catch(this.#options.onStorageError);
    this.#options.onSaved(message);
  }

  async #run(send: Send): Promise<void> {
    const { signal } = send.abort;
    if (!(await isPending(this.#options.db, send.entry.messageId))) {
      // Another tab finished it while this one waited for the lock.
      const message = await this.#options.db.get("messages", send.entry.messageId);
      if (message) this.#show(send, message);
      return;
    }
    while (!signal.aborted) {
      try {
        await this.#options.gateway.whenReady(BLIND_RETRY_MS, signal);
        await this.#attempt(send, signal);
        return;
      } catch (cause) {
        if (signal.aborted) return;
        const again = await this.#afterFailure(send, cause);
        if (!again) return;
        await this.#pause(again.delayMs, signal);
      }
    }
  }

  /** One run, or one reading of it. Returns when the answer is whole and on disk. */
  async #attempt(send: Send, signal: AbortSignal): Promise<void> {
    const { gateway } = this.#options;
    const startMs = performance.now();
    const before = send.message.text;
    let firstTokenMs: number | null = null;
    const watch = this.#options.secondAttempts?.() ? new AnswerWatch() : null;
    for await (const answer of ask(this.#options, send.entry.recipe, send.entry.idempotencyKey, signal)) {
      send.unreached = 0;
      if (firstTokenMs === null && answer.text !== "") firstTokenMs = performance.now() - startMs;
      if (answer.text.length > before.length) send.entry.cutOffs = 0;
      this.#show(send, {
        ...send.message,
        status: "streaming",
        text: caughtUp(before, answer.text, answer.done),
        reasoning: answer.reasoning,
        model: gateway.model?.name ?? answer.model,
        usage: answer.usage,
        finishReason: answer.finishReason,
        ...(answer.tools && { tools: answer.tools }),
      });
      const fault = watch?.follow(answer);
      if (fault) {
        const totalMs = performance.now() - startMs;
        await this.#faulty(send, fault, { firstTokenMs: firstTokenMs ?? totalMs, totalMs });
        return;
      }
      if (!answer.done && performance.now() - send.savedMs > SAVE_INTERVAL_MS) this.#save(send);
    }
    signal.throwIfAborted();
    const totalMs = performance.now() - startMs;
    const done: Message = {
      ...send.message,
      status: "done",
      error: null,
      timing: { firstTokenMs: firstTokenMs ?? totalMs, totalMs },
    };
    const fault = await watch?.end(done);
    signal.throwIfAborted();
    if (fault) {
      await this.#faulty(send, fault, done.timing);
      return;
    }
    this.#show(send, done);
    await this.#settle(done);
  }

  /** An answer that is empty or repeats itself: keep what is good of it, and ask once more if that was not done. */
  async #faulty(send: Send, { reason, text, reasoning }: Fault, timing: Message["timing"]): Promise<void> {
    const { client, db, gateway } = this.#options;
    const { entry } = send;
    const { attempt } = send.message;
    const kept: Message = { ...send.message, text, reasoning, status: "done", error: null, timing };
    const turn = secondTurn(kept, entry, reason, gateway.model?.sampling ?? null);
    if (entry.secondOf !== undefined || kept.variant) {
      // It was the second attempt, or a comparison, which is about the answers as they come.
      const temperature = entry.recipe.sampling.temperature ?? 0;
      const noted = attempt
        ? { ...attempt, failed: reason }
        : ({ which: "first", reason, temperature, otherId: null } as const);
      this.#show(send, { ...kept, attempt: noted });
      await this.#settle(send.message);
      void client.stop(entry.idempotencyKey);
      return;
    }
    const conversation = await saveSecondTurn(db, turn).catch(this.#options.onStorageError);
    void client.stop(entry.idempotencyKey);
    if (conversation === undefined) {
      await this.#fail(send, kept); // no room for a second one
      return;
    }
    if (conversation === null) return;
    const withdrawn = send.abort.signal.aborted;
    this.#show(send, turn.first);
    this.#options.onSaved(turn.first);
    this.submit(turn.entry, turn.second);
    this.#options.onSecond?.(conversation);
    if (withdrawn) await this.stop(turn.second.id); // the reader stopped the first one meanwhile
  }

  /** The request was too long for the engine after all: once, it is made shorter and sent again. */
  async #shrink(send: Send, cause: unknown): Promise<boolean> {
    const { entry } = send;
    const tooLong = cause instanceof ApiError && cause.detail.code === "context_length_exceeded";
    if (!tooLong || entry.shrunk || !this.#options.shrink) return false;
    const plan = await this.#options.shrink(entry, send.message, cause.detail.message);
    if (!plan) return false;
    entry.recipe = plan.recipe;
    entry.shrunk = plan.sent;
    entry.idempotencyKey = newId(); // another body
    send.message = { ...send.message, sent: plan.sent };
    return true;
  }

  /** Decide what a failed run leads to, and write that down first. Null: it was the last one. */
  async #afterFailure(send: Send, cause: unknown): Promise<{ delayMs: number } | null> {
    const { entry } = send;
    const shrunk = await this.#shrink(send, cause).catch(() => false);
    const verdict = shrunk ? { act: "wait" as const, delayMs: 0 } : (this.#withCurrentModel(send, cause) ?? judge(cause));
    let delayMs = 0;
    switch (verdict.act) {
      case "fail":
        await this.#fail(send, { ...send.message, status: "error", error: verdict.error });
        return null;
      case "reattach":
        // A stream that began and broke off; a gateway that cannot be reached at all is only waited for.
        if (send.message.status === "streaming") entry.cutOffs += 1;
        else send.unreached += 1;
        if (entry.cutOffs > MAX_CUT_OFFS) {
          await this.#fail(send, { ...send.message, status: "interrupted" });
          return null;
        }
        delayMs = Math.min(BLIND_RETRY_MS, REATTACH_DELAY_MS * 2 ** (entry.cutOffs + send.unreached));
        break;
      case "rerun":
        entry.engineFailures += 1;
        entry.idempotencyKey = newId();
        if (entry.engineFailures >= MAX_ENGINE_FAILURES) {
          await this.#fail(send, { ...send.message, status: "error", error: verdict.error });
          return null;
        }
        delayMs = verdict.delayMs;
        break;
      case "wait":
        delayMs = verdict.delayMs;
        break;
    }
    if (!(await updateOutboxEntry(this.#options.db, entry))) return null;
    this.#show(send, { ...send.message, status: "waiting" });
    return { delayMs };
  }

  /** The model was exchanged while the request waited: it is sent to the one that is there. */
  #withCurrentModel(send: Send, cause: unknown): { act: "wait"; delayMs: number } | null {
    const { model } = this.#options.gateway;
    const { recipe } = send.entry;
    const unknown = cause instanceof Error && "detail" in cause && isModelNotFound(cause.detail);
    if (!unknown || !model || model.id === recipe.model) return null;
    recipe.model = model.id;
    send.entry.idempotencyKey = newId(); // another body
    return { act: "wait", delayMs: 0 };
  }

  async #fail(send: Send, message: Message): Promise<void> {
    this.#show(send, message);
    await this.#settle(message);
  }
}

function isModelNotFound(detail: unknown): boolean {
  return typeof detail === "object" && detail !== null && "code" in detail && detail.code === "model_not_found";
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
