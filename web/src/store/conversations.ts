import type { Database } from "./db.ts";
import type { Conversation, Message, OutboxEntry } from "./records.ts";

/** Newest first. */
export async function listConversations(db: Database): Promise<Conversation[]> {
  return (await db.getAllFromIndex("conversations", "updatedMs")).reverse();
}

/** Every message of every branch, in no particular order. */
export async function loadMessages(db: Database, conversationId: string): Promise<Message[]> {
  return db.getAllFromIndex("messages", "conversationId", conversationId);
}

export interface Turn {
  conversation: Conversation;
  /** Absent when an existing question is asked again. */
  user?: Message;
  assistant: Message;
  entry: OutboxEntry;
  /** The draft that this turn was written as. */
  draftKey?: string;
}

/**
 * Put a whole turn on disk: question, empty answer, outbox entry; and take its draft away. All of it or
 * nothing, and flushed, before anything is sent.
 */
export async function saveTurn(db: Database, turn: Turn): Promise<void> {
  const tx = db.transaction(["conversations", "messages", "outbox", "drafts"], "readwrite", { durability: "strict" });
  await Promise.all([
    tx.objectStore("conversations").put(turn.conversation),
    turn.user && tx.objectStore("messages").put(turn.user),
    tx.objectStore("messages").put(turn.assistant),
    tx.objectStore("outbox").put(turn.entry),
    turn.draftKey === undefined ? undefined : tx.objectStore("drafts").delete(turn.draftKey),
    tx.done,
  ]);
}

export async function saveConversation(db: Database, conversation: Conversation): Promise<void> {
  await db.put("conversations", conversation);
}

/** Read, change and write several in one go. Those that are gone stay gone. */
export async function updateConversations(
  db: Database,
  ids: readonly string[],
  change: (conversation: Conversation) => Conversation,
): Promise<void> {
  const tx = db.transaction("conversations", "readwrite", { durability: "strict" });
  await Promise.all([
    ...ids.map(async (id) => {
      const conversation = await tx.store.get(id);
      if (conversation) await tx.store.put(change(conversation));
    }),
    tx.done,
  ]);
}

export async function saveMessage(db: Database, message: Message): Promise<void> {
  await db.put("messages", message);
}

/** The answer is final: write it and take its send out of the outbox, together. */
export async function settleMessage(db: Database, message: Message): Promise<void> {
  const tx = db.transaction(["messages", "outbox"], "readwrite", { durability: "strict" });
  await Promise.all([
    tx.objectStore("messages").put(message),
    tx.objectStore("outbox").delete(message.id),
    tx.done,
  ]);
}

/** Remove a conversation with its messages, sends and drafts. Its pictures go with the next collection. */
export async function deleteConversation(db: Database, conversationId: string): Promise<void> {
  const tx = db.transaction(["conversations", "messages", "outbox", "drafts", "tables"], "readwrite");
  const messages = tx.objectStore("messages");
  const ids = await messages.index("conversationId").getAllKeys(conversationId);
  const tables = tx.objectStore("tables");
  const edited = await tables.index("conversationId").getAllKeys(conversationId);
  const drafts = tx.objectStore("drafts");
  await Promise.all([
    tx.objectStore("conversations").delete(conversationId),
    drafts.delete(conversationId),
    ...edited.map((key) => tables.delete(key)),
    ...ids.flatMap((id) => [messages.delete(id), tx.objectStore("outbox").delete(id), drafts.delete(`edit:${id}`)]),
    tx.done,
  ]);
}
