import type { Database } from "../store/db.ts";
import type { Message } from "../store/records.ts";

/** Messages read from disk at a time; between batches the page can do other things. */
const BATCH = 500;

const SNIPPET_BEFORE = 24;
const SNIPPET_CHARS = 120;

/** The words that all have to be found, in lower case. */
export function termsOf(query: string): string[] {
  return query.toLocaleLowerCase().split(/\s+/).filter(Boolean);
}

/** The surroundings of the first term in `text`, on one line; null if it is not there. */
export function snippet(text: string, terms: readonly string[]): string | null {
  const first = terms[0];
  if (first === undefined) return null;
  const at = text.toLocaleLowerCase().indexOf(first);
  if (at < 0) return null;
  const from = Math.max(0, at - SNIPPET_BEFORE);
  const cut = text.slice(from, from + SNIPPET_CHARS).replace(/\s+/g, " ").trim();
  return `${from > 0 ? "…" : ""}${cut}${from + SNIPPET_CHARS < text.length ? "…" : ""}`;
}

/** A text and its lower case, which most of the time of a search would go into. */
interface Text {
  text: string;
  lower: string;
}

/** The texts of all conversations in memory, for search as one types. */
export class SearchIndex {
  readonly #db: Database;
  /** conversation → message → text */
  readonly #texts = new Map<string, Map<string, Text>>();
  #loading: Promise<void> | null = null;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Read everything; the second call waits for the first. */
  load(): Promise<void> {
    this.#loading ??= this.#load();
    return this.#loading;
  }

  async #load(): Promise<void> {
    let range: IDBKeyRange | undefined;
    for (;;) {
      const batch = await this.#db.getAll("messages", range, BATCH);
      for (const message of batch) this.put(message);
      const last = batch.at(-1);
      if (!last || batch.length < BATCH) return;
      range = IDBKeyRange.lowerBound(last.id, true);
    }
  }

  put(message: Message): void {
    let texts = this.#texts.get(message.conversationId);
    if (!texts) this.#texts.set(message.conversationId, (texts = new Map()));
    const { text } = message;
    const lower = text.toLocaleLowerCase();
    texts.set(message.id, { text, lower: lower === text ? text : lower }); // Chinese mostly needs no second copy
  }

  remove(conversationId: string): void {
    this.#texts.delete(conversationId);
  }

  /** Where all `terms` occur in one message of the conversation: the text around the first. */
  find(conversationId: string, terms: readonly string[]): string | null {
    for (const { text, lower } of this.#texts.get(conversationId)?.values() ?? []) {
      if (terms.every((term) => lower.includes(term))) return snippet(text, terms);
    }
    return null;
  }
}
