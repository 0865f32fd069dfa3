import { estimateTokens } from "./tokens.ts";

/** Ask the engine's tokenizer: one count for each text. Rejects when it cannot be asked. */
export type Tokenize = (texts: string[], signal: AbortSignal) => Promise<number[]>;

/** Texts in one request, and their length together. The gateway takes a thousand texts. */
const BATCH_TEXTS = 512;
const BATCH_CHARS = 400_000;

/** Counts that are remembered; a count is two numbers. */
const MOST_COUNTS = 20_000;

/** How far the estimate may be moved by what the tokenizer has said about other texts. */
const LEAST_SCALE = 0.7;
const MOST_SCALE = 1.8;
const SCALE_MARGIN = 1.05;
const SCALE_FROM_TOKENS = 50;

/** 53 bits of a text, after cyrb53 (public domain), with its length: two texts hardly ever share both. */
export function textHash(text: string): string {
  let a = 0xdeadbeef;
  let b = 0x41c6ce57;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 2654435761);
    b = Math.imul(b ^ code, 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return `${text.length}:${(4294967296 * (2097151 & b) + (a >>> 0)).toString(36)}`;
}

/**
 * How many tokens a text has: by the engine's tokenizer where it has been asked, else by an estimate
 * that learns from what the tokenizer said before.
 */
export class TokenCounter {
  readonly #tokenize: Tokenize;
  #model = "";
  #counts = new Map<string, number>();
  #counted = 0;
  #estimated = 0;

  constructor(tokenize: Tokenize) {
    this.#tokenize = tokenize;
  }

  /** Another model has another tokenizer: whatever was known is forgotten. Returns whether it was. */
  useModel(id: string): boolean {
    if (id === this.#model) return false;
    this.#model = id;
    this.#counts = new Map();
    this.#counted = 0;
    this.#estimated = 0;
    return true;
  }

  /** Null: the tokenizer has not been asked about this text. */
  exact(text: string): number | null {
    return text === "" ? 0 : (this.#counts.get(textHash(text)) ?? null);
  }

  count(text: string): number {
    return this.exact(text) ?? this.estimate(text);
  }

  estimate(text: string): number {
    const scale =
      this.#estimated < SCALE_FROM_TOKENS
        ? 1
        : Math.min(MOST_SCALE, Math.max(LEAST_SCALE, (this.#counted / this.#estimated) * SCALE_MARGIN));
    return Math.ceil(estimateTokens(text) * scale);
  }

  /** Have `texts` counted, in their order. Returns whether anything new was learnt. Rejects as `Tokenize` does. */
  async learn(texts: readonly string[], signal: AbortSignal): Promise<boolean> {
    const model = this.#model;
    const unknown = [...new Set(texts)].filter((text) => this.exact(text) === null);
    for (const batch of batches(unknown)) {
      const counts = await this.#tokenize(batch, signal);
      if (model !== this.#model) return false;
      batch.forEach((text, index) => {
        this.#remember(text, counts[index]);
      });
    }
    return unknown.length > 0;
  }

  #remember(text: string, count: number | undefined): void {
    if (count === undefined) return;
    const hash = textHash(text);
    if (this.#counts.has(hash)) return;
    this.#counts.set(hash, count);
    this.#counted += count;
    this.#estimated += estimateTokens(text);
    if (this.#counts.size <= MOST_COUNTS) return;
    const oldest = this.#counts.keys().next();
    if (!oldest.done) this.#counts.delete(oldest.value);
  }
}

function* batches(texts: readonly string[]): Generator<string[]> {
  let batch: string[] = [];
  let chars = 0;
  for (const text of texts) {
    if (batch.length > 0 && (batch.length >= BATCH_TEXTS || chars + text.length > BATCH_CHARS)) {
      yield batch;
      batch = [];
      chars = 0;
    }
    batch.push(text);
    chars += text.length;
  }
  if (batch.length > 0) yield batch;
}
