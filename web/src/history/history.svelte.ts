import { listConversations } from "../store/conversations.ts";
import type { Database } from "../store/db.ts";
import type { Conversation, Message } from "../store/records.ts";
import { SearchIndex, termsOf } from "./search.ts";

export interface Found {
  conversation: Conversation;
  /** Text around the match, where it is not in the title. */
  snippet: string | null;
}

/** The list of conversations, newest first, and the search over them. */
export class History {
  readonly #db: Database;
  readonly #index: SearchIndex;
  conversations = $state.raw<readonly Conversation[]>([]);
  query = $state("");
  /** Rises when texts were added to the index, so that results are found again. */
  #indexed = $state(0);
  readonly found: readonly Found[] = $derived.by(() => this.#find());

  constructor(db: Database) {
    this.#db = db;
    this.#index = new SearchIndex(db);
  }

  async load(): Promise<void> {
    this.conversations = await listConversations(this.#db);
  }

  /** Read the texts, for a search that is about to begin. */
  async prepareSearch(): Promise<void> {
    await this.#index.load();
    this.#indexed += 1;
  }

  put(conversation: Conversation): void {
    const others = this.conversations.filter((other) => other.id !== conversation.id);
    this.conversations = [conversation, ...others].sort((a, b) => b.updatedMs - a.updatedMs);
  }

  putText(message: Message): void {
    this.#index.put(message);
  }

  remove(conversationId: string): void {
    this.conversations = this.conversations.filter((other) => other.id !== conversationId);
    this.#index.remove(conversationId);
  }

  #find(): Found[] {
    void this.#indexed;
    const terms = termsOf(this.query);
    if (terms.length === 0) return this.conversations.map((conversation) => ({ conversation, snippet: null }));
    return this.conversations.flatMap((conversation): Found[] => {
      const title = conversation.title.toLocaleLowerCase();
      if (terms.every((term) => title.includes(term))) return [{ conversation, snippet: null }];
      const snippet = this.#index.find(conversation.id, terms);
      return snippet === null ? [] : [{ conversation, snippet }];
    });
  }
}
