import { openDB, type DBSchema, type IDBPDatabase } from "idb";
import type { Batch, BatchRow } from "../batch/records.ts";
import type { StoredDescription } from "../context/descriptions.ts";
import type { StoredPreset, WordList } from "../presets/records.ts";
import type { TableEdit } from "../tables/records.ts";
import type { Conversation, Draft, Message, OutboxEntry, StoredImage } from "./records.ts";

export interface Schema extends DBSchema {
  conversations: { key: string; value: Conversation; indexes: { updatedMs: number } };
  messages: { key: string; value: Message; indexes: { conversationId: string; imageHashes: string } };
  images: { key: string; value: StoredImage };
  drafts: { key: string; value: Draft; indexes: { imageHashes: string } };
  outbox: { key: string; value: OutboxEntry };
  presets: { key: string; value: StoredPreset };
  wordLists: { key: string; value: WordList };
  batches: { key: string; value: Batch; indexes: { state: string } };
  descriptions: { key: string; value: StoredDescription };
  batchRows: { key: string; value: BatchRow; indexes: { batchId: string; imageHashes: string } };
  tables: { key: string; value: TableEdit; indexes: { conversationId: string } };
}

export type Database = IDBPDatabase<Schema>;

export const DB_NAME = "huiyan";

/** Raised with each change of the schema; `MIGRATIONS[n]` leads from version n to n + 1. */
const DB_VERSION = 4;

const MIGRATIONS: ((db: Database) => void)[] = [
  (db) => {
    const conversations = db.createObjectStore("conversations", { keyPath: "id" });
    conversations.createIndex("updatedMs", "updatedMs");
    const messages = db.createObjectStore("messages", { keyPath: "id" });
    messages.createIndex("conversationId", "conversationId");
    messages.createIndex("imageHashes", "imageHashes", { multiEntry: true });
    db.createObjectStore("images", { keyPath: "sha256" });
    const drafts = db.createObjectStore("drafts", { keyPath: "key" });
    drafts.createIndex("imageHashes", "imageHashes", { multiEntry: true });
    db.createObjectStore("outbox", { keyPath: "messageId" });
  },
  (db) => {
    db.createObjectStore("presets", { keyPath: "id" });
    db.createObjectStore("wordLists", { keyPath: "id" });
    db.createObjectStore("batches", { keyPath: "id" }).createIndex("state", "state");
    const rows = db.createObjectStore("batchRows", { keyPath: "id" });
    rows.createIndex("batchId", "batchId");
    rows.createIndex("imageHashes", "imageHashes", { multiEntry: true });
  },
  (db) => {
    db.createObjectStore("tables", { keyPath: "key" }).createIndex("conversationId", "conversationId");
  },
  (db) => {
    db.createObjectStore("descriptions", { keyPath: "key" });
  },
];

/** Why the browser's database cannot be used. */
export type StorageProblem = "unavailable" | "newer" | "full";

export class StorageError extends Error {
  override readonly name = "StorageError";
  readonly problem: StorageProblem;

  constructor(problem: StorageProblem, cause: unknown) {
    super(`browser storage: ${problem}`, { cause });
    this.problem = problem;
  }
}

export function storageError(cause: unknown): StorageError {
  if (cause instanceof StorageError) return cause;
  const name = cause instanceof DOMException ? cause.name : "";
  if (name === "VersionError") return new StorageError("newer", cause);
  if (name === "QuotaExceededError") return new StorageError("full", cause);
  return new StorageError("unavailable", cause);
}

/**
 * Open the database and bring it up to date.
 *
 * onOutdated: another tab with a newer page wants to change the schema; this connection is closed and
 * the page has to be loaded again.
 * Throws: StorageError.
 */
export async function openDatabase(onOutdated: () => void, name = DB_NAME): Promise<Database> {
  try {
    return await openDB<Schema>(name, DB_VERSION, {
      upgrade(db, oldVersion) {
        for (const migrate of MIGRATIONS.slice(oldVersion)) migrate(db);
      },
      blocking(_current, _blocked, event) {
        (event.target as IDBDatabase).close();
        onOutdated();
      },
    });
  } catch (cause) {
    throw storageError(cause);
  }
}
