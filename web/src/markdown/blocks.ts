import type { Env } from "markdown-it";
import { createParser } from "./parser.ts";
import { closeOpenInline } from "./tail.ts";

/** One top-level piece of an answer: a paragraph, a list, a table, a code block. */
export interface Block {
  /** Where its source starts in the answer, in characters: identity while the answer grows. */
  start: number;
  html: string;
}

/**
 * Blocks at the end of the text that more text may still change. Two, because the start of a list item
 * ("2" before its ".") looks like a paragraph of its own after the list.
 */
const OPEN_BLOCKS = 2;

/**
 * What may give another meaning to blocks that were closed long before: the definition of a link,
 * `[name]: address`, and the end of a formula with empty lines in it.
 */
const REACHES_BACK = /\]:|\$\$|\\\[/;

const md = createParser();

/** Characters before each line of `text`. */
function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

/** Parse `text` into blocks; `offset` is added to where they start. */
function parse(text: string, offset: number, env: Env = {}): Block[] {
  const tokens = md.parse(text, env);
  const starts = lineStarts(text);
  const blocks: Block[] = [];
  let first = 0;
  tokens.forEach((token, index) => {
    if (token.level !== 0 || token.nesting > 0) return; // an opening token: its block ends later
    const line = tokens[first]?.map?.[0] ?? 0;
    const html = md.renderer.render(tokens.slice(first, index + 1), md.options, env);
    blocks.push({ start: offset + (starts[line] ?? 0), html });
    first = index + 1;
  });
  return blocks;
}

/** Everything at once: right also where a definition at the end gives meaning to a link at the start. */
export function parseWhole(text: string): Block[] {
  return parse(text, 0);
}

/**
 * Blocks of a text that only grows. Blocks that further text cannot change are parsed once; only the end
 * is parsed again with each update, so that the cost of an answer grows with its length, not its square.
 */
export class GrowingBlocks {
  #closed: Block[] = [];
  /** Characters covered by `#closed`. */
  #closedTo = 0;
  #text = "";

  /** The blocks of `text`. Blocks before the open end are the same objects as in the last call. */
  update(text: string): Block[] {
    const end = this.#openEnd(text);
    const open = parse(closeOpenInline(end), this.#closedTo);
    const settled = open.length - OPEN_BLOCKS;
    if (settled > 0) {
      this.#closed = [...this.#closed, ...open.slice(0, settled)];
      this.#closedTo = (open[settled] as Block).start;
      return [...this.#closed, ...open.slice(settled)];
    }
    return [...this.#closed, ...open];
  }

  /**
   * The blocks of `text` when nothing follows, the same as of `parseWhole`.
   *
   * partial: it was broken off, or goes on later; what is open at its end is closed.
   */
  finish(text: string, partial = false): Block[] {
    const end = partial ? closeOpenInline : (whole: string) => whole;
    if (REACHES_BACK.test(text)) return parseWhole(end(text));
    return [...this.#closed, ...parse(end(this.#openEnd(text)), this.#closedTo)];
  }

  /** What of `text` is not covered by `#closed`, which is emptied if `text` is another one. */
  #openEnd(text: string): string {
    if (!text.startsWith(this.#text.slice(0, this.#closedTo))) {
      this.#closed = [];
      this.#closedTo = 0;
    }
    this.#text = text;
    return text.slice(this.#closedTo);
  }
}
