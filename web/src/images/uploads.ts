import type { Client } from "../api/client.ts";
import { ApiError } from "../api/errors.ts";

/** Uploads at the same time: browsers allow six connections to a host, and one is the event stream's. */
const MOST_AT_ONCE = 3;

/** A picture is taken for kept until this long before the gateway forgets it. */
const MARGIN_MS = 60_000;

export interface UploadsOptions {
  client: Pick<Client, "putImage">;
  /** Whether this gateway keeps pictures. */
  offered: () => boolean;
  /** The bytes under a hash. Null: they are not in the browser. */
  load: (sha256: string) => Promise<Blob | null>;
}

/**
 * Pictures on their way to the gateway, or there already: each travels once, and requests name it by its
 * hash. What the gateway really keeps only it knows; this remembers enough not to send the same one twice.
 */
export class Uploads {
  readonly #options: UploadsOptions;
  /** Until when a hash is taken for kept, in Unix milliseconds. */
  readonly #keptUntilMs = new Map<string, number>();
  readonly #running = new Map<string, Promise<void>>();
  #active = 0;
  readonly #turns: (() => void)[] = [];
  /** This gateway, or a proxy before it, does not let uploads through. */
  #refused = false;

  constructor(options: UploadsOptions) {
    this.#options = options;
  }

  get available(): boolean {
    return this.#options.offered() && !this.#refused;
  }

  /** Send a picture in the background, so that it is there when it is needed. Never throws. */
  offer(sha256: string): void {
    if (!this.available || (this.#keptUntilMs.get(sha256) ?? 0) > Date.now()) return;
    // What went wrong shows when the picture is used: the gateway says then which ones it lacks.
    this.#start(sha256).catch(() => undefined);
  }

  /** Resolves when those of `hashes` that are on their way have arrived, or could not. Rejects when `signal` aborts. */
  async arrived(hashes: readonly string[], signal: AbortSignal): Promise<void> {
    const running = hashes.flatMap((hash) => this.#running.get(hash) ?? []);
    if (running.length > 0) await unless(signal, Promise.allSettled(running));
    signal.throwIfAborted();
  }

  /**
   * Send the pictures that the gateway lacks. False: it does not take them, so they have to go along with the
   * request.
   *
   * Throws: ApiError, ConnectionLost, AbortError.
   */
  async again(hashes: readonly string[], signal: AbortSignal): Promise<boolean> {
    for (const hash of hashes) this.#keptUntilMs.delete(hash);
    const results = await unless(signal, Promise.allSettled(hashes.map((hash) => this.#start(hash))));
    signal.throwIfAborted();
    for (const result of results) {
      if (result.status === "fulfilled") continue;
      if (inRequestInstead(result.reason)) return false;
      throw result.reason;
    }
    return true;
  }

  /** Somebody else has signed in: each has pictures of their own at the gateway. */
  forget(): void {
    this.#keptUntilMs.clear();
    this.#refused = false;
  }

  #start(sha256: string): Promise<void> {
    const known = this.#running.get(sha256);
    if (known) return known;
    const upload = this.#send(sha256).finally(() => this.#running.delete(sha256));
    this.#running.set(sha256, upload);
    return upload;
  }

  async #send(sha256: string): Promise<void> {
    if (this.#active < MOST_AT_ONCE) this.#active += 1;
    else await new Promise<void>((resolve) => this.#turns.push(resolve)); // one that ends hands its place on
    try {
      const blob = await this.#options.load(sha256);
      if (!blob) return; // the request cannot go out either, and says so
      const { expires_s: expiresS } = await this.#options.client.putImage(sha256, blob);
      this.#keptUntilMs.set(sha256, Date.now() + expiresS * 1000 - MARGIN_MS);
    } catch (cause) {
      if (cause instanceof ApiError && (cause.status === 404 || cause.status === 405)) this.#refused = true;
      throw cause;
    } finally {
      const next = this.#turns.shift();
      if (next) next();
      else this.#active -= 1;
    }
  }
}

/** No such route, too large to be kept, no room: the gateway may still take the picture within the request. */
function inRequestInstead(cause: unknown): boolean {
  return cause instanceof ApiError && [404, 405, 413, 507].includes(cause.status);
}

function unless<Result>(signal: AbortSignal, work: Promise<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    const aborted = () => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) aborted();
    signal.addEventListener("abort", aborted, { once: true });
    void work.then(resolve, reject).finally(() => {
      signal.removeEventListener("abort", aborted);
    });
  });
}
