import { SvelteMap } from "svelte/reactivity";
import { loadMessages } from "../store/conversations.ts";
import type { Database } from "../store/db.ts";
import type { Conversation, Message } from "../store/records.ts";
import { branchesOf, pathTo } from "./tree.ts";

/** One message on the page. Its place in the tree never changes; its record does, many times a second. */
export class LiveMessage {
  readonly id: string;
  readonly parentId: string | null;
  readonly role: "user" | "assistant";
  readonly createdMs: number;
  record = $state.raw() as Message;

  constructor(record: Message) {
    this.id = record.id;
    this.parentId = record.parentId;
    this.role = record.role;
    this.createdMs = record.createdMs;
    this.record = record;
  }
}

/** The conversation that is open. Text that streams in touches one message, not the list of them. */
export class OpenConversation {
  readonly id: string;
  conversation = $state.raw() as Conversation;
  readonly #messages = new SvelteMap<string, LiveMessage>();
  readonly path: LiveMessage[] = $derived(pathTo(this.#messages, this.conversation.headId));
  readonly branches = $derived(branchesOf(this.#messages));
  /** The answer at the end of the branch, while it is not final. */
  readonly pending: LiveMessage | null = $derived.by(() => {
    const last = this.path.at(-1);
    return last && ["waiting", "streaming"].includes(last.record.status) ? last : null;
  });

  constructor(conversation: Conversation, messages: readonly Message[] = []) {
    this.id = conversation.id;
    this.conversation = conversation;
    for (const message of messages) this.#messages.set(message.id, new LiveMessage(message));
  }

  /** Read from disk; `current` knows newer states of answers that are being written. */
  static async load(
    db: Database,
    id: string,
    current: (messageId: string) => Message | null,
  ): Promise<OpenConversation | null> {
    const conversation = await db.get("conversations", id);
    if (!conversation) return null;
    const messages = await loadMessages(db, id);
    return new OpenConversation(
      conversation,
      messages.map((message) => current(message.id) ?? message),
    );
  }

  get(messageId: string): LiveMessage | undefined {
    return this.#messages.get(messageId);
  }

  /** The tree as it is, for functions over trees. */
  get tree(): ReadonlyMap<string, LiveMessage> {
    return this.#messages;
  }

  /** Add a message, or take its new state. */
  put(message: Message): void {
    const live = this.#messages.get(message.id);
    if (live) live.record = message;
    else this.#messages.set(message.id, new LiveMessage(message));
  }
}
