/** What is kept in the browser. Times are Unix milliseconds, as `Date.now()` gives them. */

import type { ErrorDetail, ToolEvent, Usage } from "../api/types.ts";
import type { ContextLedger } from "../context/ledger.ts";
import type { PresetUse } from "../presets/records.ts";

/**
 * How much of a picture is sent. fast: about one megapixel. detail: all that the model can use.
 * original: the file as it is.
 */
export type SendMode = "fast" | "detail" | "original";

/** What is sent of a picture: the bytes under `sha256`, which is the picture itself where nothing was changed. */
export interface SentImage {
  mode: SendMode;
  sha256: string;
  type: string;
  sizeBytes: number;
  width: number;
  height: number;
}

/** The part of another picture that a picture was cut out of, in that one's pixels. */
export interface ImageOrigin {
  sha256: string;
  name: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

/** A picture's use in a message: its bytes lie in the `images` store once, whatever it is called here. */
export interface ImageRef {
  sha256: string;
  name: string;
  /** Media type found in the bytes. */
  type: string;
  sizeBytes: number;
  /** As shown, that is with EXIF orientation applied. */
  width: number;
  height: number;
  /** Absent: the picture is sent as it is. */
  sent?: SentImage;
  /** Where it comes from, told to the model beside its number: a time in a video, a page of a document. */
  label?: string;
  /** Present: it was cut out of another picture. */
  origin?: ImageOrigin;
}

export interface StoredImage {
  sha256: string;
  blob: Blob;
  /** At most THUMB_PX on its longer side; null where the browser cannot make one. */
  thumb: Blob | null;
  createdMs: number;
}

/**
 * waiting: in the outbox, nothing received yet. streaming: being received. done, stopped (by the user),
 * error (refused, see `error`) and interrupted (cut off for good) are final.
 */
export type MessageStatus = "waiting" | "streaming" | "done" | "stopped" | "error" | "interrupted";

export interface MessageError extends ErrorDetail {
  status: number;
}

/** How much of the conversation went along with an answer's request. */
export interface SentLedger {
  /** Shortened for the demo model's sake, and not only to stay within a limit. */
  demo: boolean;
  messages: number;
  messagesLeftOut: number;
  images: number;
  imagesLeftOut: number;
  /** What it cost, and what was cut to make it fit. */
  context?: ContextLedger;
}

export interface Timing {
  /** From the request to the first character, in milliseconds. */
  firstTokenMs: number;
  /** From the request to the last character, in milliseconds. */
  totalMs: number;
}

export interface Message {
  id: string;
  conversationId: string;
  /** Null for the first message of a conversation; several messages with one parent are branches. */
  parentId: string | null;
  role: "user" | "assistant";
  text: string;
  reasoning: string;
  images: ImageRef[];
  /** The hashes in `images`, for the index that says which pictures are in use. */
  imageHashes: string[];
  createdMs: number;
  status: MessageStatus;
  error: MessageError | null;
  /** Name of the model that answered. */
  model: string | null;
  finishReason: string | null;
  usage: Usage | null;
  timing: Timing | null;
  sent: SentLedger | null;
  /** Of an answer: what the model did with tools. May come from a file, so that its shape is not certain. */
  tools?: ToolEvent[];
  /** Goes along whole with every later question. */
  pinned?: boolean;
  /** Of an answer: it was empty or repeated itself, or was asked for because an earlier one did. */
  attempt?: Attempt;
  /** Of a question: the preset that it was made with. */
  preset?: PresetUse;
  /** Of an answer. */
  variant?: Variant;
}

/** Why there are two answers to a question that was sent once. */
export interface Attempt {
  which: "first" | "second";
  /** What was wrong with the first one. */
  reason: AttemptReason;
  /** What the second one was asked with. */
  temperature: number;
  /** The other answer. Null: there is none, the first one was only cut. */
  otherId: string | null;
  /** Of the second one: what is wrong with it as well. */
  failed?: AttemptReason;
}

export type AttemptReason = "empty" | "loop";

/** How an answer was asked for where it was not asked for as usual: for a comparison. */
export interface Variant {
  systemPrompt: string;
  sampling: Sampling;
}

export interface Conversation {
  id: string;
  title: string;
  /** The title was given by the user, so that nothing changes it. */
  titled: boolean;
  createdMs: number;
  updatedMs: number;
  /** Last message of the branch that is shown. */
  headId: string | null;
  /** The reader's words for it, in the order in which they were given. */
  tags?: string[];
  /** Stands above the others in the history. */
  starred?: boolean;
  /** The model may call tools in it. */
  tools?: boolean;
}

export interface Sampling {
  temperature?: number;
  top_p?: number;
  max_tokens?: number;
  /** Set for a second attempt only. */
  top_k?: number;
  seed?: number;
  /** The tools that the model may call itself. */
  huiyan?: { tools: { allow: string[] } };
  /** Holds the answer to a JSON schema, where the engine can do that. */
  response_format?: {
    type: "json_schema";
    json_schema: { name: string; schema: Record<string, unknown>; strict: boolean };
  };
}

export interface RecipeMessage {
  role: "system" | "user" | "assistant";
  text: string;
  /** sha256 of each picture as it is sent, in the order in which they stand before the text. */
  images: string[];
  /** Where each picture comes from, "" for nothing to say; absent where there is nothing at all. */
  labels?: string[];
}

/** Everything that a request is made of except the pictures' bytes: the same recipe gives the same body. */
export interface Recipe {
  model: string;
  messages: RecipeMessage[];
  /** Put "Picture 1:" before each picture. */
  labelImages: boolean;
  sampling: Sampling;
}

/** A send that is not finished. */
export interface OutboxEntry {
  /** Id of the assistant message that the answer belongs to. */
  messageId: string;
  conversationId: string;
  /** A new one for each run that is known to have ended without an answer. */
  idempotencyKey: string;
  recipe: Recipe;
  createdMs: number;
  /** Runs that ended with an engine failure: a request that kills the engine must not do so for ever. */
  engineFailures: number;
  /** Streams in a row that ended early and brought nothing new. */
  cutOffs: number;
  /** It was too long for the engine once, and is shorter now: what it contains since then. */
  shrunk?: SentLedger;
  /** It is the second attempt, which is the last one: the answer that it follows. */
  secondOf?: string;
}

export interface DraftImage extends ImageRef {
  /** Identity within the strip: the same picture may stand there twice. */
  id: string;
}

export interface Draft {
  /** Conversation id, `new`, or `edit:` and a message id. */
  key: string;
  text: string;
  images: DraftImage[];
  imageHashes: string[];
  updatedMs: number;
}

export function imageRef(image: ImageRef): ImageRef {
  const { sha256, name, type, sizeBytes, width, height, sent, label, origin } = image;
  return {
    ...{ sha256, name, type, sizeBytes, width, height },
    ...(sent ? { sent } : {}),
    ...(label === undefined ? {} : { label }),
    ...(origin ? { origin } : {}),
  };
}

/** Hash of the bytes that a request carries for a picture. */
export const sentHash = (image: ImageRef): string => image.sent?.sha256 ?? image.sha256;

/** The distinct hashes of `images`, for the index that says which pictures are in use. */
export function hashesOf(images: readonly ImageRef[]): string[] {
  return [...new Set(images.flatMap((image) => [image.sha256, sentHash(image)]))];
}
