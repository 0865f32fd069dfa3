import type { ToolEvent, Usage } from "../api/types.ts";
import type { Span } from "../context/cutter.ts";
import type { ContextLedger, LedgerRow } from "../context/ledger.ts";
import { MAX_TAG_CHARS, MAX_TAGS } from "../history/tags.ts";
import type { PresetField, PresetUse } from "../presets/records.ts";
import type {
  Attempt,
  Conversation,
  ImageOrigin,
  ImageRef,
  Message,
  MessageError,
  Sampling,
  SentImage,
  SentLedger,
  Timing,
  Variant,
} from "../store/records.ts";
import type { TableEdit } from "../tables/records.ts";
import { flag, Invalid, json, list, nullable, number, oneOf, pattern, record, text, type Check } from "./check.ts";

/**
 * The export format. `huiyan.json` names the format and its version; `conversations/ID.json` holds one
 * conversation with all of its branches; `pictures/SHA256` holds each picture once, byte for byte. Version 2
 * adds tags, and what `format_rest.ts` describes; a file of version 1 is one that has nothing of that.
 */
export const FORMAT = "huiyan-export";
export const FORMAT_VERSION = 2;
export const MANIFEST = "huiyan.json";
export const CONVERSATION_FILE = /^conversations\/[\w-]{1,64}\.json$/;
export const PICTURE_FILE = /^pictures\/([0-9a-f]{64})(?:\.\w{1,5})?$/;

export interface Manifest {
  format: typeof FORMAT;
  version: number;
  exportedMs: number;
}

/** A conversation and everything that belongs to it, but for the pictures' bytes. */
export interface ConversationFile {
  conversation: Conversation;
  messages: Message[];
  tables: TableEdit[];
}

const MOST_MESSAGES = 50_000;
const MOST_IMAGES = 64;
const MOST_TOOL_EVENTS = 10_000;
export const MAX_TEXT = 4_000_000;
const MAX_WORDS = 100_000;
const MAX_NAME = 1000;
const FAR = 1e15;

export const id = pattern(/^[\w-]{1,64}$/);
export const sha256 = pattern(/^[0-9a-f]{64}$/);
const mediaType = pattern(/^image\/[\w.+-]{1,40}$/);
export const count = number(0, FAR);
export const amount = number(-FAR, FAR);
export const name = text(MAX_NAME);
export const words = text(MAX_WORDS);

export const sampling = record<Sampling>(
  {
    temperature: amount,
    top_p: amount,
    top_k: amount,
    max_tokens: amount,
    seed: amount,
    huiyan: record({ tools: record({ allow: list(name, 128) }) }),
    response_format: record({
      type: oneOf("json_schema"),
      json_schema: record({ name, schema: json, strict: flag }),
    }),
  },
  "temperature",
  "top_p",
  "top_k",
  "max_tokens",
  "seed",
  "huiyan",
  "response_format",
);

const sentImage = record<SentImage>({
  mode: oneOf("fast", "detail", "original"),
  sha256,
  type: mediaType,
  sizeBytes: count,
  width: count,
  height: count,
});

const origin = record<ImageOrigin>({ sha256, name, x: amount, y: amount, width: count, height: count });

export const image = record<ImageRef>(
  { sha256, name, type: mediaType, sizeBytes: count, width: count, height: count, sent: sentImage, label: name, origin },
  "sent",
  "label",
  "origin",
);

const span: Check<Span> = (value, path) => {
  const [start, end] = list(count, 2)(value, path);
  if (start === undefined || end === undefined) throw new Invalid(`${path}: no span`);
  return [start, end];
};

const ledgerRow = record<LedgerRow>(
  {
    part: oneOf("system", "notes", "history", "question"),
    act: oneOf("sent", "cut", "described", "condensed", "leftOut"),
    count,
    messageId: nullable(id),
    role: nullable(oneOf("user", "assistant")),
    pinned: flag,
    tokens: amount,
    savedTokens: amount,
    images: count,
    imageTokens: amount,
    imagesDescribed: count,
    imagesLeftOut: count,
    removed: list(span, 100_000),
    description: words,
  },
  "removed",
  "description",
);

const context = record<ContextLedger>({
  limitTokens: count,
  contextTokens: count,
  reservedTokens: count,
  tokens: count,
  exact: flag,
  over: flag,
  shrunk: flag,
  rows: list(ledgerRow, 10_000),
});

const sent = record<SentLedger>(
  { demo: flag, messages: count, messagesLeftOut: count, images: count, imagesLeftOut: count, context },
  "context",
);

export const error = record<MessageError>({
  message: words,
  type: name,
  code: name,
  param: nullable(name),
  request_id: name,
  hint: words,
  status: count,
});

export const field = record<PresetField>({
  id: name,
  label: name,
  aliases: list(name, 100),
  max: nullable(count),
  unit: oneOf("chars", "words", "width"),
});

export const preset = record<PresetUse>({
  id: name,
  name,
  values: list(record({ label: name, value: words }), 200),
  extra: words,
  fields: list(field, 200),
  systemPrompt: words,
  sampling,
  checkBanned: flag,
});

/** Its fields are looked at where it is shown. */
const toolEvent = json as Check<object> as Check<ToolEvent>;

export const reason = oneOf("empty", "loop");
const attempt = record<Attempt>(
  { which: oneOf("first", "second"), reason, temperature: amount, otherId: nullable(id), failed: reason },
  "failed",
);

export const message = record<Message>(
  {
    id,
    conversationId: id,
    parentId: nullable(id),
    role: oneOf("user", "assistant"),
    text: text(MAX_TEXT),
    reasoning: text(MAX_TEXT),
    images: list(image, MOST_IMAGES),
    imageHashes: list(sha256, 2 * MOST_IMAGES),
    createdMs: count,
    status: oneOf("waiting", "streaming", "done", "stopped", "error", "interrupted"),
    error: nullable(error),
    model: nullable(name),
    finishReason: nullable(name),
    usage: nullable(record<Usage>({ prompt_tokens: count, completion_tokens: count, total_tokens: count })),
    timing: nullable(record<Timing>({ firstTokenMs: count, totalMs: count })),
    sent: nullable(sent),
    tools: list(toolEvent, MOST_TOOL_EVENTS),
    pinned: flag,
    attempt,
    preset,
    variant: record<Variant>({ systemPrompt: words, sampling }),
  },
  "tools",
  "pinned",
  "attempt",
  "preset",
  "variant",
);

export const conversation = record<Conversation>(
  {
    id,
    title: name,
    titled: flag,
    createdMs: count,
    updatedMs: count,
    headId: nullable(id),
    tags: list(text(4 * MAX_TAG_CHARS), MAX_TAGS),
    starred: flag,
    tools: flag,
  },
  "tags",
  "starred",
  "tools",
);

const table = record<TableEdit>({
  key: name,
  messageId: id,
  conversationId: id,
  cells: list(list(words, 1000), 10_000),
  updatedMs: count,
});

export const manifest = record<Manifest>({
  format: oneOf(FORMAT),
  version: number(1, FORMAT_VERSION),
  exportedMs: count,
});

export const conversationFile = record<ConversationFile>({
  conversation,
  messages: list(message, MOST_MESSAGES),
  tables: list(table, MOST_MESSAGES),
});
