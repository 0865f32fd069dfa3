import type { Client } from "../api/client.ts";
import { readEvents, type ServerEvent } from "../api/sse.ts";
import type { EngineState, EngineStatus, FetchStatus, HelloEvent, Info, Limits, ModelCard } from "../api/types.ts";

export type Connection = "connecting" | "online" | "offline";

/** Before the gateway has said its own. */
export const DEFAULT_LIMITS: Limits = {
  max_body_bytes: 96 * 1024 * 1024,
  max_images: 9,
  max_image_bytes: 32 * 1024 * 1024,
  max_image_pixels: 80_000_000,
};

const RETRY_DELAYS_MS = [300, 600, 1000, 2000, 3000];

/** The gateway sends a comment every 15 s; three missed ones mean a dead connection. */
const SILENCE_MS = 45_000;

/** A connected page that nobody looks at gives its connection back: browsers allow six to a host. */
const HIDDEN_GRACE_MS = 60_000;

/** What the gateway and the engine behind it are doing, kept up to date by `/api/events`. */
export class Gateway {
  readonly #client: Client;
  connection = $state<Connection>("connecting");
  info = $state.raw<Info | null>(null);
  engine = $state.raw<EngineStatus | null>(null);
  model = $state.raw<ModelCard | null>(null);
  /** Of the model that is, or was last, being fetched. */
  fetching = $state.raw<FetchStatus | null>(null);
  readonly limits = $derived(this.info?.limits ?? DEFAULT_LIMITS);
  readonly engineState: EngineState | "unknown" = $derived(this.engine?.state ?? "unknown");
  /** A request sent now has a chance. */
  readonly ready = $derived(this.connection === "online" && this.engine?.state === "ready");
  readonly maxImages = $derived(Math.min(this.limits.max_images, this.model?.max_images ?? this.limits.max_images));

  #abort: AbortController | null = null;
  #failures = 0;
  #hiddenTimer: ReturnType<typeof setTimeout> | null = null;
  #retry: (() => void) | null = null;
  #waiters: (() => void)[] = [];
  /** Sends wait for the engine: stay connected even when nobody looks. */
  keepConnected: () => boolean = () => false;
  /** Told what no part of the first view needs to know. */
  onOther: (event: ServerEvent) => void = () => undefined;
  /** Resolves when the gateway lets this browser in. Rejects when `signal` aborts. */
  admitted: (signal: AbortSignal) => Promise<void> = () => Promise.resolve();

  constructor(client: Client) {
    this.#client = client;
  }

  /** Connect, and reconnect for ever. */
  start(): void {
    if (this.#abort) return;
    const abort = new AbortController();
    this.#abort = abort;
    void this.#run(abort.signal);
  }

  stop(): void {
    this.#abort?.abort();
    this.#abort = null;
  }

  /** Connect anew: somebody else is signed in now, or nobody. */
  reconnect(): void {
    if (!this.#abort) return;
    this.stop();
    this.connection = "connecting";
    this.#failures = 0;
    this.start();
  }

  /** Do not wait out the delay before the next attempt. */
  reconnectNow(): void {
    this.#failures = 0;
    this.#retry?.();
  }

  visibilityChanged(hidden: boolean): void {
    if (this.#hiddenTimer !== null) clearTimeout(this.#hiddenTimer);
    this.#hiddenTimer = null;
    if (!hidden) {
      this.start();
      this.reconnectNow();
    } else {
      this.#hiddenTimer = setTimeout(() => {
        if (!this.keepConnected()) this.stop();
        else this.visibilityChanged(true);
      }, HIDDEN_GRACE_MS);
    }
  }

  /** Resolves when a request has a chance, at the latest after `timeoutMs`. Rejects when `signal` aborts. */
  async whenReady(timeoutMs: number, signal: AbortSignal): Promise<void> {
    await this.admitted(signal);
    signal.throwIfAborted();
    if (this.ready) return;
    return new Promise((resolve, reject) => {
      const done = () => {
        clearTimeout(timer);
        this.#forget(done);
        signal.removeEventListener("abort", aborted);
        resolve();
      };
      const aborted = () => {
        clearTimeout(timer);
        this.#forget(done);
        reject(signal.reason as Error);
      };
      const timer = setTimeout(done, timeoutMs);
      this.#waiters.push(done);
      signal.addEventListener("abort", aborted, { once: true });
    });
  }

  #forget(waiter: () => void): void {
    this.#waiters = this.#waiters.filter((other) => other !== waiter);
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.admitted(signal).catch(() => undefined);
      await this.#follow(signal).catch(() => undefined); // whatever it was, the remedy is to connect again
      if (signal.aborted) return;
      this.connection = "offline";
      const delayMs = RETRY_DELAYS_MS[Math.min(this.#failures, RETRY_DELAYS_MS.length - 1)] as number;
      this.#failures += 1;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, delayMs);
        this.#retry = () => {
          clearTimeout(timer);
          resolve();
        };
        signal.addEventListener("abort", () => this.#retry?.(), { once: true });
      });
      this.#retry = null;
    }
  }

  async #follow(outer: AbortSignal): Promise<void> {
    const inner = new AbortController();
    const forward = () => {
      inner.abort();
    };
    outer.addEventListener("abort", forward, { once: true });
    let watchdog = setTimeout(forward, SILENCE_MS);
    try {
      const body = await this.#client.events(inner.signal);
      // Comments count as signs of life, so the watch is on the bytes and not on the events.
      const watched = body.pipeThrough(
        new TransformStream<Uint8Array, Uint8Array>({
          transform(chunk, controller) {
            clearTimeout(watchdog);
            watchdog = setTimeout(forward, SILENCE_MS);
            controller.enqueue(chunk);
          },
        }),
      );
      for await (const event of readEvents(watched)) await this.#handle(event, inner.signal);
    } finally {
      clearTimeout(watchdog);
      outer.removeEventListener("abort", forward);
    }
  }

  async #handle(event: ServerEvent, signal: AbortSignal): Promise<void> {
    if (event.event === "hello") {
      const hello = JSON.parse(event.data) as HelloEvent;
      if (this.info?.boot_id !== hello.boot_id || this.info.model.id !== hello.model.id) {
        this.info = await this.#client.info(signal);
      }
      this.model = hello.model;
      this.engine = hello.engine;
      this.fetching = hello.fetch;
      this.connection = "online";
      this.#failures = 0;
    } else if (event.event === "engine") {
      this.engine = JSON.parse(event.data) as EngineStatus;
    } else if (event.event === "fetch") this.fetching = JSON.parse(event.data) as FetchStatus;
    else this.onOther(event);
    if (this.ready) for (const waiter of [...this.#waiters]) waiter();
  }
}
