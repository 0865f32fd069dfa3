import { GrowingBlocks, type Block } from "./blocks.ts";

/** Silence after which the text gets its full pass. */
export const SETTLE_MS = 500;

/**
 * The time from one render to the next is at least so many times what a render costs: reading and scrolling
 * go before words that nobody has read yet. Where words come from is calm as well: `Client.complete`.
 */
const COST_FACTOR = 16;
const MIN_INTERVAL_MS = 50;
const MAX_INTERVAL_MS = 500;

export interface Clock {
  now(): number;
  /** Returns a function that cancels the call. */
  frame(callback: () => void): () => void;
  after(delayMs: number, callback: () => void): () => void;
}

export const browserClock: Clock = {
  now: () => performance.now(),
  frame(callback) {
    const id = requestAnimationFrame(callback);
    return () => {
      cancelAnimationFrame(id);
    };
  },
  after(delayMs, callback) {
    const id = setTimeout(callback, delayMs);
    return () => {
      clearTimeout(id);
    };
  },
};

/** Take over the objects of `old` that are equal, so that what is on the page is not touched. */
function reuse(old: readonly Block[], fresh: Block[]): Block[] {
  let same = 0;
  while (same < fresh.length && old[same] === fresh[same]) same += 1;
  const known = new Map(old.slice(same).map((block) => [block.start, block]));
  for (let index = same; index < fresh.length; index += 1) {
    const block = fresh[index] as Block;
    const before = known.get(block.start);
    if (before?.html === block.html) fresh[index] = before;
  }
  return fresh;
}

/**
 * Turns a growing text into blocks at a calm rate: at most once a frame, slower where rendering is
 * slow, and in full once the text is silent or finished.
 */
export class StreamRenderer {
  readonly #show: (blocks: Block[], whole: boolean) => void;
  readonly #clock: Clock;
  readonly #growing = new GrowingBlocks();
  #blocks: Block[] = [];
  #text = "";
  /** What is shown is `#text` after its full pass: as a whole text, or as one that was broken off. */
  #passed: "whole" | "partial" | null = null;
  #averageMs = 0;
  #notBeforeMs = 0;
  #cancelRender: (() => void) | null = null;
  #cancelSettle: (() => void) | null = null;

  /** show: `whole` with the full pass, when nothing more will come, or not soon. */
  constructor(show: (blocks: Block[], whole: boolean) => void, clock: Clock = browserClock) {
    this.#show = show;
    this.#clock = clock;
  }

  /** The text as it is now; it will be shown soon. */
  push(text: string): void {
    if (text === this.#text) return;
    this.#text = text;
    this.#passed = null;
    this.#schedule();
    this.#cancelSettle?.();
    this.#cancelSettle = this.#clock.after(SETTLE_MS, () => {
      this.finish(this.#text, true);
    });
  }

  /**
   * Nothing more will come, or not soon: show it now as what it is, with everything that takes longer.
   *
   * partial: its end is missing, or comes later.
   */
  finish(text: string, partial = false): void {
    this.stop();
    const pass = partial ? "partial" : "whole";
    const shown = text === this.#text && this.#passed !== null ? this.#blocks : null;
    if (shown && this.#passed === pass) return;
    this.#text = text;
    this.#passed = pass;
    this.#blocks = reuse(this.#blocks, this.#growing.finish(text, partial));
    const nothingNew = shown?.length === this.#blocks.length && shown.every((block, index) => block === this.#blocks[index]);
    if (!nothingNew) this.#show(this.#blocks, true);
  }

  stop(): void {
    this.#cancelRender?.();
    this.#cancelSettle?.();
    this.#cancelRender = this.#cancelSettle = null;
  }

  #schedule(): void {
    if (this.#cancelRender) return;
    const waitMs = this.#notBeforeMs - this.#clock.now();
    const onFrame = () => {
      this.#cancelRender = this.#clock.frame(() => {
        this.#cancelRender = null;
        this.#render();
      });
    };
    if (waitMs > 0) this.#cancelRender = this.#clock.after(waitMs, onFrame);
    else onFrame();
  }

  #render(): void {
    const startMs = this.#clock.now();
    this.#blocks = reuse(this.#blocks, this.#growing.update(this.#text));
    this.#show(this.#blocks, false);
    const tookMs = this.#clock.now() - startMs;
    this.#averageMs = this.#averageMs === 0 ? tookMs : 0.8 * this.#averageMs + 0.2 * tookMs;
    const intervalMs = Math.min(MAX_INTERVAL_MS, Math.max(MIN_INTERVAL_MS, COST_FACTOR * this.#averageMs));
    this.#notBeforeMs = startMs + intervalMs;
  }
}
