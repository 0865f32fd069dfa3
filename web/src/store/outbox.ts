import type { Database } from "./db.ts";
import type { OutboxEntry } from "./records.ts";

/** Oldest first: answers come back in the order in which they were asked for. */
export async function listOutbox(db: Database): Promise<OutboxEntry[]> {
  const entries = await db.getAll("outbox");
  return entries.sort((a, b) => a.createdMs - b.createdMs);
}

/** False: the send was finished or withdrawn meanwhile (by another tab), so nothing is written. */
export async function updateOutboxEntry(db: Database, entry: OutboxEntry): Promise<boolean> {
  const tx = db.transaction("outbox", "readwrite", { durability: "strict" });
  const known = (await tx.store.getKey(entry.messageId)) !== undefined;
  if (known) await tx.store.put(entry);
  await tx.done;
  return known;
}

export async function isPending(db: Database, messageId: string): Promise<boolean> {
  return (await db.getKey("outbox", messageId)) !== undefined;
}
