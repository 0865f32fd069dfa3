import { NO_ANSWER, reduceAll, type Answer } from "./completion.ts";
import { ConnectionLost, responseError, SignInNeeded } from "./errors.ts";
import { readBatches } from "./sse.ts";
import type { BrowserLogEntry, Info, KeptImage } from "./types.ts";

/**
 * From one state of a growing answer to the next. An engine sends each token by itself, hundreds a second
 * for a small model; a dozen steps a second look like a steady flow, and each costs a walk through all that
 * follows it.
 */
const STEP_MS = 80;

/** A hidden page takes what comes: its timers may be held back for a minute. */
function calmly(): Promise<void> {
  if (document.hidden) return Promise.resolve();
  return new Promise((resolve) => setTimeout(resolve, STEP_MS));
}

/** The part of `fetch` that the page uses; tests hand in their own. */
export type Fetch = (input: string, init?: RequestInit) => Promise<Response>;

/** A `fetch` that fails without a response: the gateway cannot be reached, or the caller aborted. */
async function reach(fetcher: Fetch, path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetcher(path, init);
  } catch (cause) {
    if (init.signal?.aborted || cause instanceof SignInNeeded) throw cause;
    throw new ConnectionLost("the gateway cannot be reached", { cause });
  }
}

/** Every call that the page makes to the gateway. Paths are relative: the page may live below a sub-path. */
export class Client {
  readonly #fetch: Fetch;

  constructor(fetcher: Fetch = (input, init) => fetch(input, init)) {
    this.#fetch = fetcher;
  }

  /** Throws: ApiError, ConnectionLost. */
  async info(signal?: AbortSignal): Promise<Info> {
    const response = await reach(this.#fetch, "api/info", { cache: "no-store", signal: signal ?? null });
    if (!response.ok) throw await responseError(response);
    return (await response.json()) as Info;
  }

  /** Tokens of each text by the engine's own tokenizer. Throws: ApiError, ConnectionLost. */
  async tokenize(texts: string[], signal: AbortSignal): Promise<number[]> {
    const response = await reach(this.#fetch, "api/tokenize", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ text: texts }),
      signal,
    });
    if (!response.ok) throw await responseError(response);
    return ((await response.json()) as { counts: number[] }).counts;
  }

  /** Have the gateway keep a picture, under the SHA-256 of its bytes. Throws: ApiError, ConnectionLost. */
  async putImage(sha256: string, image: Blob): Promise<KeptImage> {
    const init = { method: "PUT", headers: { "Content-Type": image.type || "application/octet-stream" }, body: image };
    const response = await reach(this.#fetch, `api/images/${sha256}`, init);
    if (!response.ok) throw await responseError(response);
    return (await response.json()) as KeptImage;
  }

  /** The open `/api/events` response. Throws: ApiError, ConnectionLost. */
  async events(signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const response = await reach(this.#fetch, "api/events", {
      headers: { Accept: "text/event-stream" },
      cache: "no-store",
      signal,
    });
    if (!response.ok) throw await responseError(response);
    if (!response.body) throw new ConnectionLost("the event stream has no body");
    return response.body;
  }

  /**
   * Send one request and yield the answer as it grows, in steps of some tokens; the last one has `done`.
   *
   * idempotencyKey: the same key re-attaches to the same answer, which then comes from its beginning.
   * Throws: ApiError, ConnectionLost (also when the stream ends without `[DONE]`), AbortError.
   */
  async *complete(body: Blob, idempotencyKey: string, signal: AbortSignal): AsyncGenerator<Answer, void, void> {
    const response = await reach(this.#fetch, "v1/chat/completions", {
      method: "POST",
      headers: { "Content-Type": "application/json", "Idempotency-Key": idempotencyKey },
      body,
      signal,
    });
    if (!response.ok) throw await responseError(response);
    if (!response.body) throw new ConnectionLost("the answer has no body");
    let answer = NO_ANSWER;
    try {
      for await (const events of readBatches(response.body, calmly)) {
        signal.throwIfAborted(); // what had arrived by then is not wanted any more
        const reached = reduceAll(answer, events);
        if (reached.answer !== answer) {
          answer = reached.answer;
          yield answer;
        }
        if (reached.failure) throw reached.failure.cause;
        if (answer.done) return;
      }
    } catch (cause) {
      if (cause instanceof TypeError && !signal.aborted) throw new ConnectionLost("the answer was cut off", { cause });
      throw cause;
    }
    throw new ConnectionLost("the answer ended without [DONE]");
  }

  /** Ask the gateway to stop writing an answer. Never throws: without a reader it stops by itself. */
  async stop(idempotencyKey: string): Promise<void> {
    const path = `api/answers/${encodeURIComponent(idempotencyKey)}`;
    await this.#fetch(path, { method: "DELETE", keepalive: true }).catch(() => undefined);
  }

  /** Join the gateway's log. Never throws: a page that cannot log is no worse. */
  async log(entry: BrowserLogEntry): Promise<void> {
    await this.#fetch("api/logs", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(entry),
      keepalive: true,
    }).catch(() => undefined);
  }
}
