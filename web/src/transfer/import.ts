import { newestLeaf } from "../chat/tree.ts";
import type { ImageLimits, PreparedImage } from "../images/prepare.ts";
import { sha256 } from "../images/sha256.ts";
import { sniff } from "../images/sniff.ts";
import type { Database } from "../store/db.ts";
import { newId } from "../store/ids.ts";
import { saveImage } from "../store/images.ts";
import { withTags } from "../history/tags.ts";
import type { Saved } from "../settings/settings.svelte.ts";
import { hashesOf, type Conversation, type Message } from "../store/records.ts";
import { tableKey, type TableEdit } from "../tables/records.ts";
import { Invalid } from "./check.ts";
import * as format from "./format.ts";
import * as rest from "./format_rest.ts";
import type { BatchFile } from "./format_rest.ts";
import { importPresets, isKnownBatch, tidyBatch, writeBatch } from "./import_rest.ts";
import { BadZip, ZipReader, type ZipLimits } from "./unzip.ts";

const LIMITS: ZipLimits = { entries: 65_535, fileBytes: 256 * 1024 * 1024, totalBytes: 4 * 1024 * 1024 * 1024 };

/** Why a file is not imported. */
export class ImportRefused extends Error {
  override readonly name = "ImportRefused";
}

export interface ImportOptions {
  db: Database;
  /** Checks a picture by decoding it, and makes its thumbnail. Throws where it is none. */
  prepare: (bytes: Uint8Array<ArrayBuffer>, limits: ImageLimits) => Promise<PreparedImage>;
  imageLimits: ImageLimits;
  onProgress?: (done: number, total: number) => void;
}

export interface ImportReport {
  conversations: Conversation[];
  messages: Message[];
  /** Conversations that are here already, word for word. */
  known: number;
  /** Batch sheets, presets and words that are new here. */
  batches: number;
  presets: number;
  words: number;
  /** The settings in the archive, for the reader to decide on. */
  settings: Saved | null;
  /** Pictures that the messages name and the archive lacks, or that are none. */
  picturesMissing: number;
}

/**
 * Read an archive that `exportArchive` wrote, or somebody who wishes us ill. Everything is checked before
 * the first thing is written; nothing that is here is overwritten: what has a known id gets a new one.
 *
 * Throws: ImportRefused; StorageError and the like when writing fails.
 */
export async function importArchive(archive: Blob, options: ImportOptions): Promise<ImportReport> {
  const { db, onProgress } = options;
  const { files, batches, presets, settings, zip, pictures } = await readArchive(archive);
  const report: ImportReport = {
    ...{ conversations: [], messages: [], known: 0, picturesMissing: 0 },
    ...{ batches: 0, presets: 0, words: 0, settings },
  };

  const fresh: format.ConversationFile[] = [];
  for (const file of files) {
    const tidied = tidy(file);
    if (await isKnown(db, tidied)) {
      await completeKnown(db, tidied);
      report.known += 1;
    } else fresh.push((await hasConflict(db, tidied)) ? withNewIds(tidied) : tidied);
  }

  const freshBatches: BatchFile[] = [];
  for (const file of batches) if (!(await isKnownBatch(db, file))) freshBatches.push(file);

  const images = [
    ...fresh.flatMap((file) => file.messages.flatMap((message) => message.images)),
    ...freshBatches.flatMap((file) => file.rows.map((row) => row.image)),
  ];
  const wanted = new Set(hashesOf(images));
  const originals = new Set(images.map((image) => image.sha256));
  let done = 0;
  for (const hash of wanted) {
    if ((await db.getKey("images", hash)) === undefined) {
      const name = pictures.get(hash);
      const saved = name !== undefined && (await savePicture(options, await zip.read(name), hash, originals.has(hash)));
      if (!saved) report.picturesMissing += 1;
    }
    onProgress?.(++done, wanted.size);
  }

  for (const file of fresh) {
    await write(db, file);
    report.conversations.push(file.conversation);
    report.messages.push(...file.messages);
  }
  for (const file of freshBatches) {
    await writeBatch(db, file);
    report.batches += 1;
  }
  if (presets) Object.assign(report, await importPresets(db, presets));
  return report;
}

/** All that the archive says, checked. Throws: ImportRefused. */
async function readArchive(archive: Blob) {
  try {
    const zip = await ZipReader.open(archive, LIMITS);
    format.manifest(await readJson(zip, format.MANIFEST), format.MANIFEST);
    const files: format.ConversationFile[] = [];
    const batches: BatchFile[] = [];
    const pictures = new Map<string, string>();
    let presets: rest.PresetsFile | null = null;
    let settings: Saved | null = null;
    for (const name of zip.names) {
      const hash = format.PICTURE_FILE.exec(name)?.[1];
      if (hash !== undefined) pictures.set(hash, name);
      else if (format.CONVERSATION_FILE.test(name)) files.push(format.conversationFile(await readJson(zip, name), name));
      else if (rest.BATCH_FILE.test(name)) batches.push(tidyBatch(rest.batchFile(await readJson(zip, name), name)));
      else if (name === rest.PRESETS_FILE) presets = rest.presetsFile(await readJson(zip, name), name);
      else if (name === rest.SETTINGS_FILE) settings = rest.settingsFile(await readJson(zip, name), name);
    }
    return { zip, files, batches, presets, settings, pictures };
  } catch (cause) {
    if (cause instanceof BadZip || cause instanceof Invalid || cause instanceof SyntaxError || cause instanceof TypeError) {
      throw new ImportRefused(cause.message, { cause });
    }
    throw cause;
  }
}

async function readJson(zip: ZipReader, name: string): Promise<unknown> {
  return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(await zip.read(name)));
}

/** What the fields say one by one is right; now what they say together. */
function tidy({ conversation, messages, tables }: format.ConversationFile): format.ConversationFile {
  const byId = new Map<string, Message>();
  for (const message of messages) {
    if (byId.has(message.id)) throw new ImportRefused(`message ${message.id} is there twice`);
    byId.set(message.id, message);
  }
  for (const message of messages) {
    message.conversationId = conversation.id;
    if (message.parentId !== null && !byId.has(message.parentId)) message.parentId = null;
    message.imageHashes = hashesOf(message.images);
    // Nobody here waits for this answer.
    if (message.status === "waiting" || message.status === "streaming") message.status = "interrupted";
  }
  breakCircles(byId);
  const newest = messages.reduce<Message | null>((best, each) => (best && best.createdMs > each.createdMs ? best : each), null);
  const headId =
    conversation.headId !== null && byId.has(conversation.headId)
      ? conversation.headId
      : newest && newestLeaf(byId, newest.id);
  return {
    conversation: { ...conversation, headId },
    messages,
    tables: tables.filter((table) => byId.has(table.messageId)).map((table) => ({ ...table, conversationId: conversation.id })),
  };
}

/** A message that is its own ancestor becomes a first message. */
function breakCircles(byId: ReadonlyMap<string, Message>): void {
  const safe = new Set<string>();
  for (const start of byId.values()) {
    const walked = new Set<string>();
    for (let at: Message | undefined = start; at && !safe.has(at.id); ) {
      walked.add(at.id);
      if (at.parentId !== null && walked.has(at.parentId)) at.parentId = null;
      at = at.parentId === null ? undefined : byId.get(at.parentId);
    }
    for (const id of walked) safe.add(id);
  }
}

async function isKnown(db: Database, { conversation, messages }: format.ConversationFile): Promise<boolean> {
  if (!(await db.get("conversations", conversation.id))) return false;
  const here = await db.getAllFromIndex("messages", "conversationId", conversation.id);
  const texts = new Map(here.map((message) => [message.id, message.text]));
  return messages.every((message) => texts.get(message.id) === message.text);
}

/** Tags, star and edited tables that the conversation here lacks. */
async function completeKnown(db: Database, { conversation, tables }: format.ConversationFile): Promise<void> {
  const tx = db.transaction(["conversations", "tables"], "readwrite");
  const conversations = tx.objectStore("conversations");
  const here = await conversations.get(conversation.id);
  if (here) {
    const tags = withTags(here.tags ?? [], conversation.tags ?? []);
    const starred = here.starred === true || conversation.starred === true;
    const lacks = tags.length > (here.tags?.length ?? 0) || starred !== (here.starred ?? false);
    if (lacks) await conversations.put({ ...here, tags, starred });
  }
  for (const table of tables) {
    const known = await tx.objectStore("tables").getKey(table.key);
    if (known === undefined) await tx.objectStore("tables").add(table);
  }
  await tx.done;
}

async function hasConflict(db: Database, { conversation, messages }: format.ConversationFile): Promise<boolean> {
  if ((await db.getKey("conversations", conversation.id)) !== undefined) return true;
  const tx = db.transaction("messages");
  const keys = await Promise.all(messages.map((message) => tx.store.getKey(message.id)));
  return keys.some((key) => key !== undefined);
}

function withNewIds({ conversation, messages, tables }: format.ConversationFile): format.ConversationFile {
  const conversationId = newId();
  const ids = new Map(messages.map((message) => [message.id, newId()]));
  const renamed = (id: string) => ids.get(id) as string;
  const renamedOrNull = (id: string | null) => (id === null ? null : (ids.get(id) ?? null));
  return {
    conversation: { ...conversation, id: conversationId, headId: renamedOrNull(conversation.headId) },
    messages: messages.map((message): Message => ({
      ...message,
      id: renamed(message.id),
      conversationId,
      parentId: renamedOrNull(message.parentId),
      ...(message.attempt ? { attempt: { ...message.attempt, otherId: renamedOrNull(message.attempt.otherId) } } : {}),
      sent: message.sent?.context
        ? {
            ...message.sent,
            context: {
              ...message.sent.context,
              rows: message.sent.context.rows.map((row) => ({ ...row, messageId: renamedOrNull(row.messageId) })),
            },
          }
        : message.sent,
    })),
    tables: tables.map((table): TableEdit => {
      const index = Number(/:(\d{1,6})$/.exec(table.key)?.[1] ?? 0);
      const messageId = renamed(table.messageId);
      return { ...table, key: tableKey(messageId, index), messageId, conversationId };
    }),
  };
}

/** False: it is no picture, or not the one that it claims to be. */
async function savePicture(
  { db, prepare, imageLimits }: ImportOptions,
  bytes: Uint8Array<ArrayBuffer>,
  hash: string,
  original: boolean,
): Promise<boolean> {
  if ((await sha256(bytes)) !== hash) return false;
  const { type } = sniff(bytes);
  if (!type?.startsWith("image/")) return false;
  try {
    const { thumb } = original ? await prepare(bytes, imageLimits) : { thumb: null };
    await saveImage(db, { sha256: hash, blob: new Blob([bytes], { type }), thumb, createdMs: Date.now() });
    return true;
  } catch (cause) {
    if (cause instanceof Error && cause.name === "ImageRefused") return false;
    throw cause;
  }
}

/** One conversation, whole or not at all. `add`, not `put`: it fails rather than overwrite. */
async function write(db: Database, { conversation, messages, tables }: format.ConversationFile): Promise<void> {
  const tx = db.transaction(["conversations", "messages", "tables"], "readwrite");
  const known = await Promise.all(tables.map((table) => tx.objectStore("tables").getKey(table.key)));
  await Promise.all([
    tx.objectStore("conversations").add(conversation),
    ...messages.map((message) => tx.objectStore("messages").add(message)),
    ...tables.filter((_, index) => known[index] === undefined).map((table) => tx.objectStore("tables").add(table)),
    tx.done,
  ]);
}
