import type { Database } from "../store/db.ts";
import type { Cells } from "./cells.ts";
import { tableKey, type TableEdit } from "./records.ts";

export async function loadTable(db: Database, messageId: string, index: number): Promise<TableEdit | null> {
  return (await db.get("tables", tableKey(messageId, index))) ?? null;
}

/** `cells` null: as in the answer again. */
export async function saveTable(
  db: Database,
  message: { id: string; conversationId: string },
  index: number,
  cells: Cells | null,
): Promise<void> {
  const key = tableKey(message.id, index);
  if (cells === null) {
    await db.delete("tables", key);
    return;
  }
  const { id: messageId, conversationId } = message;
  await db.put("tables", { key, messageId, conversationId, cells: cells.map((row) => [...row]), updatedMs: Date.now() });
}
