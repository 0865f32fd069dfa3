import type { Database } from "../store/db.ts";
import type { Conversation } from "../store/records.ts";
import type { SecondTurn } from "./second.ts";

/**
 * Exchange the first answer's send for the second's, all at once: a page that dies at any moment finds
 * either the one or the other, so that a question is never asked a third time.
 *
 * Returns the conversation as it is now; null: the send was finished or withdrawn meanwhile, and nothing
 * was written.
 */
export async function saveSecondTurn(db: Database, turn: SecondTurn): Promise<Conversation | null> {
  const tx = db.transaction(["conversations", "messages", "outbox"], "readwrite", { durability: "strict" });
  const outbox = tx.objectStore("outbox");
  const conversations = tx.objectStore("conversations");
  const pending = (await outbox.getKey(turn.first.id)) !== undefined;
  const conversation = await conversations.get(turn.first.conversationId);
  if (!pending || !conversation) {
    await tx.done;
    return null;
  }
  // A reader who went to another branch stays there.
  const next = conversation.headId === turn.first.id ? { ...conversation, headId: turn.second.id } : conversation;
  await Promise.all([
    tx.objectStore("messages").put(turn.first),
    tx.objectStore("messages").put(turn.second),
    outbox.delete(turn.first.id),
    outbox.put(turn.entry),
    conversations.put(next),
    tx.done,
  ]);
  return next;
}
