import { safeFileName } from "../files/download.ts";
import { writeZip, type ZipEntry } from "../files/zip.ts";
import { loadMessages } from "../store/conversations.ts";
import type { Database } from "../store/db.ts";
import { loadImage } from "../store/images.ts";
import { hashesOf, type Conversation, type ImageRef, type Message } from "../store/records.ts";
import { pathTo } from "../chat/tree.ts";
import { loadRows } from "../batch/store.ts";
import { callsAsMarkdown, type CallView } from "../tools/calls.ts";
import type { Saved } from "../settings/settings.svelte.ts";
import { PRESETS_FILE, SETTINGS_FILE, type BatchFile, type PresetsFile } from "./format_rest.ts";
import { FORMAT, FORMAT_VERSION, MANIFEST, type ConversationFile, type Manifest } from "./format.ts";

const EXTENSIONS: Record<string, string> = {
  "image/jpeg": "jpg",
  "image/png": "png",
  "image/webp": "webp",
  "image/gif": "gif",
  "image/avif": "avif",
  "image/bmp": "bmp",
  "image/svg+xml": "svg",
  "image/tiff": "tiff",
  "image/heic": "heic",
};

const extension = (type: string) => EXTENSIONS[type] ?? "bin";

async function contentsOf(db: Database, conversation: Conversation): Promise<ConversationFile> {
  const [messages, tables] = await Promise.all([
    loadMessages(db, conversation.id),
    db.getAllFromIndex("tables", "conversationId", conversation.id),
  ]);
  return { conversation, messages, tables };
}

/** What an archive carries beside conversations. */
export interface Rest {
  settings: Saved;
}

/**
 * Everything that belongs to `conversations`, in an archive that `importArchive` reads back without loss.
 *
 * rest: given, everything else goes along, too: batches, presets, words, settings.
 */
export async function exportArchive(
  db: Database,
  conversations: readonly Conversation[],
  rest: Rest | null = null,
  nowMs = Date.now(),
): Promise<Blob> {
  const manifest: Manifest = { format: FORMAT, version: FORMAT_VERSION, exportedMs: nowMs };
  const entries: ZipEntry[] = [{ name: MANIFEST, data: JSON.stringify(manifest) }];
  const hashes = new Set<string>();
  for (const conversation of conversations) {
    const file = await contentsOf(db, conversation);
    entries.push({ name: `conversations/${conversation.id}.json`, data: JSON.stringify(file) });
    for (const message of file.messages) for (const hash of hashesOf(message.images)) hashes.add(hash);
  }
  if (rest) {
    for (const batch of await db.getAll("batches")) {
      const file: BatchFile = { batch, rows: await loadRows(db, batch.id) };
      entries.push({ name: `batches/${batch.id}.json`, data: JSON.stringify(file) });
      for (const row of file.rows) for (const hash of hashesOf([row.image])) hashes.add(hash);
    }
    const presets: PresetsFile = { presets: await db.getAll("presets"), wordLists: await db.getAll("wordLists") };
    entries.push({ name: PRESETS_FILE, data: JSON.stringify(presets) });
    entries.push({ name: SETTINGS_FILE, data: JSON.stringify(rest.settings) });
  }
  for (const sha256 of hashes) {
    const image = await loadImage(db, sha256);
    if (image) entries.push({ name: `pictures/${sha256}.${extension(image.blob.type)}`, data: image.blob, stored: true });
  }
  return writeZip(entries);
}

export interface MarkdownTexts {
  question: string;
  answer: string;
  untitled: string;
  reasoning: string;
  /** Of a tool that the model called. */
  call: (call: CallView) => string;
  /** The line with the tags. */
  tags: (tags: readonly string[]) => string;
}

/** A name in a Markdown link or alternative text. */
const plain = (name: string) => name.replace(/[\r\n[\]]/g, " ").trim();

/** The branch that is shown, as Markdown; `picture` gives the place of a picture's file. */
export function asMarkdown(
  conversation: Conversation,
  messages: readonly Message[],
  texts: MarkdownTexts,
  picture: (image: ImageRef) => string,
): string {
  const tree = new Map(messages.map((message) => [message.id, message]));
  const parts = [`# ${plain(conversation.title) || texts.untitled}`];
  if (conversation.tags?.length) parts.push(texts.tags(conversation.tags.map(plain)));
  for (const message of pathTo(tree, conversation.headId)) {
    parts.push(`## ${message.role === "user" ? texts.question : texts.answer}`);
    if (message.role === "assistant" && message.model) parts.push(`*${plain(message.model)}*`);
    message.images.forEach((image, index) => {
      parts.push(`![${index + 1}: ${plain(image.name)}](${picture(image)})`);
    });
    if (message.reasoning) {
      parts.push(`<details><summary>${texts.reasoning}</summary>\n\n${message.reasoning}\n\n</details>`);
    }
    if (message.tools) parts.push(...callsAsMarkdown(message.tools, texts.call));
    if (message.text) parts.push(message.text);
  }
  return `${parts.join("\n\n")}\n`;
}

/** Markdown files with the pictures beside them; one plain file where there is one, without pictures. */
export async function exportMarkdown(
  db: Database,
  conversations: readonly Conversation[],
  texts: MarkdownTexts,
): Promise<{ blob: Blob; extension: "md" | "zip" }> {
  const entries: ZipEntry[] = [];
  const pictures = new Map<string, ImageRef>();
  const names = new Set<string>();
  const place = (image: ImageRef) => `pictures/${image.sha256.slice(0, 16)}.${extension(image.type)}`;
  for (const conversation of conversations) {
    const messages = await loadMessages(db, conversation.id);
    for (const message of messages) for (const image of message.images) pictures.set(image.sha256, image);
    const title = safeFileName(conversation.title, texts.untitled);
    let name = title;
    for (let n = 2; names.has(name.toLowerCase()); n++) name = `${title} (${n})`;
    names.add(name.toLowerCase());
    entries.push({ name: `${name}.md`, data: asMarkdown(conversation, messages, texts, place) });
  }
  const only = entries[0];
  if (entries.length === 1 && only && pictures.size === 0) {
    return { blob: new Blob([only.data], { type: "text/markdown" }), extension: "md" };
  }
  for (const image of pictures.values()) {
    const stored = await loadImage(db, image.sha256);
    if (stored) entries.push({ name: place(image), data: stored.blob, stored: true });
  }
  return { blob: await writeZip(entries), extension: "zip" };
}
