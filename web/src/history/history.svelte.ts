import { listConversations } from "../store/conversations.ts";
import type { Database } from "../store/db.ts";
import type { Conversation, Message } from "../store/records.ts";
import { SearchIndex, termsOf } from "./search.ts";
import { hasTags } from "./tags.ts";

export interface Found {
  conversation: Conversation;
  /** Text around the match, where it is not in the title. */
  snippet: string | null;
}

/** Those with a star first, then the newest. */
const inOrder = (a: Conversation, b: Conversation) =>
  Number(b.starred ?? false) - Number(a.starred ?? false) || b.updatedMs - a.updatedMs;

/** The list of conversations, those with a star and the newest first, and the search over them. */
export class History {
  readonly #db: Database;
  readonly #index: SearchIndex;
  conversations = $state.raw<readonly Conversation[]>([]);
  query = $state("");
  /** Only conversations with all of these tags. */
  tags = $state.raw<readonly string[]>([]);
  /** Rises when texts were added to the index, so that results are found again. */
  #indexed = $state(0);
  readonly found: readonly Found[] = $derived.by(() => this.#find());

  constructor(db: Database) {
    this.#db = db;
    this.#index = new SearchIndex(db);
  }

  async load(): Promise<void> {
    this.conversations = (await listConversations(this.#db)).sort(inOrder);
  }

  /** Read the texts, for a search that is about to begin. */
  async prepareSearch(): Promise<void> {
    await this.#index.load();
    this.#indexed += 1;
  }

  put(conversation: Conversation): void {
    const others = this.conversations.filter((other) => other.id !== conversation.id);
    this.conversations = [conversation, ...others].sort(inOrder);
  }

  get(id: string): Conversation | undefined {
    return this.conversations.find((conversation) => conversation.id === id);
  }

  /** Change some where they are. */
  change(ids: ReadonlySet<string>, change: (conversation: Conversation) => Conversation): void {
    this.conversations = this.conversations.map((each) => (ids.has(each.id) ? change(each) : each)).sort(inOrder);
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
    const { tags } = this;
    const tagged = tags.length === 0 ? this.conversations : this.conversations.filter((each) => hasTags(each, tags));
    if (terms.length === 0) return tagged.map((conversation) => ({ conversation, snippet: null }));
    return tagged.flatMap((conversation): Found[] => {
      const title = [conversation.title, ...(conversation.tags ?? [])].join("\n").toLocaleLowerCase();
      if (terms.every((term) => title.includes(term))) return [{ conversation, snippet: null }];
      const snippet = this.#index.find(conversation.id, terms);
      return snippet === null ? [] : [{ conversation, snippet }];
    });
  }
}
