import type { Chat } from "../chat/chat.svelte.ts";
import { updateConversations } from "../store/conversations.ts";
import type { Database } from "../store/db.ts";
import type { Conversation } from "../store/records.ts";
import type { Tabs } from "../store/tabs.ts";
import type { History } from "./history.svelte.ts";
import { countTags, hasTags, renamedTag, sameTag, withoutTags, withTags, type TagCount } from "./tags.ts";

/** A change of a tag in all conversations, and how it is taken back. */
export interface TagChange {
  from: string;
  /** Null: it was deleted. */
  to: string | null;
  /** What the conversations had before. */
  before: ReadonlyMap<string, readonly string[]>;
  /** Two tags became one. */
  merged: boolean;
}

/** Tags and stars. What is changed is changed in memory first, so that no other write takes it back. */
export class Organiser {
  readonly #db: Database;
  readonly #history: History;
  readonly #chat: Chat;
  readonly #tabs: Tabs;
  /** The newest change of a tag everywhere. */
  undoable = $state.raw<TagChange | null>(null);
  readonly all: readonly TagCount[] = $derived.by(() => countTags(this.#history.conversations));

  constructor(parts: { db: Database; history: History; chat: Chat; tabs: Tabs }) {
    this.#db = parts.db;
    this.#history = parts.history;
    this.#chat = parts.chat;
    this.#tabs = parts.tabs;
  }

  async add(conversation: Conversation, tags: readonly string[]): Promise<void> {
    const known = this.all;
    await this.#apply([conversation.id], (each) => ({ ...each, tags: withTags(each.tags ?? [], tags, known) }));
  }

  async remove(conversation: Conversation, tag: string): Promise<void> {
    await this.#apply([conversation.id], (each) => ({ ...each, tags: withoutTags(each.tags ?? [], [tag]) }));
  }

  async star(conversation: Conversation): Promise<void> {
    const starred = conversation.starred !== true;
    await this.#apply([conversation.id], (each) => ({ ...each, starred }));
  }

  /** In every conversation. One that is there already under the new name is joined with it. */
  async rename(from: string, wanted: string): Promise<void> {
    const known = this.all.find(({ tag }) => sameTag(tag, wanted) && !sameTag(tag, from));
    const to = known?.tag ?? wanted;
    const before = this.#tagged(from);
    if (from === to || before.size === 0) return;
    this.undoable = { from, to, before, merged: known !== undefined };
    this.#history.tags = renamedTag(this.#history.tags, from, to);
    await this.#apply([...before.keys()], (each) => ({ ...each, tags: renamedTag(each.tags ?? [], from, to) }));
  }

  /** In every conversation; the conversations stay. */
  async delete(tag: string): Promise<void> {
    const before = this.#tagged(tag);
    if (before.size === 0) return;
    this.undoable = { from: tag, to: null, before, merged: false };
    this.#history.tags = withoutTags(this.#history.tags, [tag]);
    await this.#apply([...before.keys()], (each) => ({ ...each, tags: withoutTags(each.tags ?? [], [tag]) }));
  }

  /** Take the newest change of a tag back. What else was changed since then stays. */
  async undo(): Promise<void> {
    const change = this.undoable;
    if (!change) return;
    this.undoable = null;
    if (change.to !== null) this.#history.tags = withoutTags(this.#history.tags, [change.to]);
    await this.#apply([...change.before.keys()], (each) => ({
      ...each,
      tags: undone(each.tags ?? [], change.before.get(each.id) ?? [], change),
    }));
  }

  #tagged(tag: string): Map<string, readonly string[]> {
    const found = this.#history.conversations.filter((each) => hasTags(each, [tag]));
    // eslint-disable-next-line svelte/prefer-svelte-reactivity -- it never changes
    return new Map(found.map((each) => [each.id, each.tags ?? []]));
  }

  async #apply(ids: readonly string[], change: (conversation: Conversation) => Conversation): Promise<void> {
    // eslint-disable-next-line svelte/prefer-svelte-reactivity -- it never changes
    this.#history.change(new Set(ids), change);
    const { open } = this.#chat;
    if (open && ids.includes(open.id)) open.conversation = change(open.conversation);
    await updateConversations(this.#db, ids, change);
    const [only] = ids;
    if (ids.length === 1 && only !== undefined) this.#tabs.tell({ type: "conversation", conversationId: only });
    else this.#tabs.tell({ type: "history" });
  }
}

/** The tags of one conversation without a change. now: what it has; had: before the change. */
function undone(now: readonly string[], had: readonly string[], { from, to }: TagChange): string[] {
  const after = to === null ? withoutTags(had, [from]) : renamedTag(had, from, to);
  if (now.join("\n") === after.join("\n")) return [...had];
  // Tagged anew since then: only what the change did is taken back.
  const kept = to === null || had.some((tag) => sameTag(tag, to)) ? now : withoutTags(now, [to]);
  return withTags(kept, had.filter((tag) => sameTag(tag, from)));
}
