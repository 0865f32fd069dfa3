import { JsonKeys } from "./json_keys.ts";
import { withoutNumbers } from "./numbered.ts";
import { boundFor, boundForNumbered, periodicEnd, Units } from "./period.ts";
import { substance } from "./weight.ts";

/**
 * period: the end is one unit over and over (words, sentences, lines, table rows). numbered: the same,
 * but for running numbers. lines: a few sentences or lines take turns. keys: a JSON object gets its own
 * keys again.
 */
export type LoopKind = "period" | "numbered" | "lines" | "keys";

export interface Loop {
  kind: LoopKind;
  /** What is worth keeping ends here: the text up to and with the first time round. */
  keepChars: number;
}

/** Characters from one look to the next. Fixed places, so that the same text is always judged alike. */
const STRIDE = 192;

/** How far back a look goes, and every fourth one: three paragraphs of 2,000 characters. */
const WINDOW = 1_536;
const LONG_EVERY = 4;
const LONG_WINDOW = 6_144;

/** Sentences that are compared, and how few different ones among them are a loop. */
const SENTENCES = 16;
const DISTINCT = 3;
const SUBSTANTIAL = 12;

const CODE_SCALE = 2;
/** A full stop after a digit numbers a line, or stands in a price. */
const SENTENCE_END = /[。！？!?；;]+|(?<!\d)\.(?=\s)/g;

interface Sentence {
  text: string;
  at: number;
}

/**
 * Says when a text that is being written has begun to repeat itself.
 *
 * Pieces may be cut anywhere: what is found, and where, depends on the text alone. Prose, lists, poems,
 * code, tables and data repeat too; the bounds in `period.ts` leave them room.
 */
export class LoopDetector {
  #text = "";
  readonly #units = new Units();
  #looked = 0;
  #lineStart = 0;
  #sentenceStart = 0;
  #inCode = false;
  readonly #keys = new JsonKeys();
  #sentences: Sentence[] = [];
  #found: Loop | null = null;

  /** Take the next piece. Returns the loop, from the moment on when there is one. */
  push(piece: string): Loop | null {
    if (this.#found) return this.#found;
    this.#text += piece;
    while (!this.#found && this.#text.length - this.#looked >= STRIDE) this.#look(this.#looked + STRIDE, false);
    return this.#found;
  }

  /** The whole text, as far as it has come; the part not yet pushed is added. */
  follow(text: string): Loop | null {
    return text.length > this.#text.length ? this.push(text.slice(this.#text.length)) : this.#found;
  }

  /** Nothing follows: look at the rest, too. */
  end(): Loop | null {
    if (!this.#found && this.#text !== "") this.#look(this.#text.length, true);
    return this.#found;
  }

  #look(until: number, last: boolean): void {
    const fresh = this.#text.slice(this.#looked, until);
    this.#looked = until;
    const far = last || until % (STRIDE * LONG_EVERY) === 0;
    this.#units.push(fresh);
    const keysAt = this.#keys.push(fresh);
    this.#readLines(until);
    this.#found =
      (keysAt === null ? null : { kind: "keys", keepChars: this.#trimmed(keysAt) }) ??
      this.#period(until, WINDOW) ??
      (far ? (this.#period(until, LONG_WINDOW) ?? this.#numbered(until)) : null) ??
      this.#lines();
  }

  /** Note the lines and sentences that ended: code fences, and what is compared. */
  #readLines(until: number): void {
    for (;;) {
      const newline = this.#text.indexOf("\n", this.#lineStart);
      const ended = newline >= 0 && newline < until;
      this.#readSentences(ended ? newline : until, ended);
      if (!ended) return;
      const line = this.#text.slice(this.#lineStart, newline);
      if (/^\s*(?:```|~~~)/.test(line)) this.#inCode = !this.#inCode;
      this.#lineStart = newline + 1;
      this.#sentenceStart = newline + 1;
    }
  }

  #readSentences(until: number, lineEnded: boolean): void {
    const whole = this.#inCode || /^\s*[|{["]/.test(this.#text.slice(this.#lineStart, this.#lineStart + 40));
    const fresh = this.#text.slice(this.#sentenceStart, until);
    const ends = whole ? [] : [...fresh.matchAll(SENTENCE_END)].map((match) => match.index + match[0].length);
    if (lineEnded) ends.push(fresh.length);
    const from = this.#sentenceStart;
    for (const end of ends) {
      const at = this.#sentenceStart;
      const text = this.#text.slice(at, from + end).trim().toLowerCase();
      if (substance(text) >= SUBSTANTIAL) this.#sentences.push({ text, at });
      this.#sentenceStart = from + end;
    }
    if (ends.length > 0) this.#sentences = this.#sentences.slice(-SENTENCES * CODE_SCALE);
  }

  get #scale(): number {
    return this.#inCode ? CODE_SCALE : 1;
  }

  #period(until: number, window: number): Loop | null {
    const from = Math.max(0, until - window);
    const found = periodicEnd(this.#units.slice(from, until), boundFor, this.#scale);
    if (!found) return null;
    const start = from + found.start;
    return { kind: "period", keepChars: this.#firstRound(start, found.unitChars) };
  }

  #numbered(until: number): Loop | null {
    const from = Math.max(0, until - LONG_WINDOW);
    const lineFrom = from === 0 ? 0 : this.#text.indexOf("\n", from) + 1;
    if (lineFrom === 0 && from > 0) return null;
    const plain = withoutNumbers(this.#text.slice(lineFrom, this.#lineStart));
    if (plain.numbered < 6) return null;
    const found = periodicEnd(Units.of(plain.text), boundForNumbered, this.#scale);
    if (!found) return null;
    const second = plain.lines.find((line) => line.at >= found.start + found.unitChars);
    return second ? { kind: "numbered", keepChars: this.#trimmed(lineFrom + second.originalAt) } : null;
  }

  #lines(): Loop | null {
    const recent = this.#sentences.slice(-SENTENCES * this.#scale);
    if (recent.length < SENTENCES * this.#scale) return null;
    const seen = new Set<string>();
    let secondAt = -1;
    for (const { text, at } of recent) {
      if (secondAt < 0 && seen.has(text)) secondAt = at;
      seen.add(text);
    }
    return seen.size <= DISTINCT && secondAt >= 0 ? { kind: "lines", keepChars: this.#trimmed(secondAt) } : null;
  }

  /** The end of the first round, moved on to where a sentence or a line ends within the second. */
  #firstRound(start: number, unitChars: number): number {
    const end = start + unitChars;
    const second = this.#text.slice(end - 1, end + unitChars);
    const boundary = /[\n。！？!?]|\.(?=\s)/.exec(second);
    return this.#trimmed(boundary ? end + boundary.index : end);
  }

  /** Without the white space and the comma that would have led on. */
  #trimmed(chars: number): number {
    return this.#text.slice(0, chars).replace(/[\s,，、]+$/, "").length;
  }
}

/** Look at a finished text. */
export function findLoop(text: string): Loop | null {
  const detector = new LoopDetector();
  return detector.push(text) ?? detector.end();
}
