/** The gateway's own bodies come from its code; those of OpenAI's API are written here, as far as the page reads them. */

export type {
  BrowserLogEntry,
  EngineState,
  EngineStatus,
  ErrorBody,
  ErrorDetail,
  Features,
  FetchStatus,
  HelloEvent,
  Info,
  Limits,
  ModelCard,
  SamplingDefaults,
} from "./generated.ts";

import type {
  CallBegun,
  CallConfirm,
  CallDecided,
  CallFailed,
  CallProgress,
  CallResult,
  LoopLimit,
  ToolsOffered,
} from "./generated.ts";

/** `PUT /api/images/{sha256}`. expires_s: from its last use. */
export interface KeptImage {
  sha256: string;
  size_bytes: number;
  width: number;
  height: number;
  expires_s: number;
}

/* What the page uses of OpenAI's chat completions. */

export interface TextPart {
  type: "text";
  text: string;
}

export interface ImagePart {
  type: "image_url";
  image_url: { url: string };
}

export interface ChatMessage {
  role: "system" | "user" | "assistant";
  content: string | (TextPart | ImagePart)[];
}

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
}

/** What a loop of tool calls says, in the order in which it happens. */
export type ToolEvent =
  | ToolsOffered
  | CallBegun
  | CallConfirm
  | CallDecided
  | CallProgress
  | CallResult
  | CallFailed
  | LoopLimit;

export interface CompletionChunk {
  model?: string;
  choices?: {
    index?: number;
    delta?: { content?: string | null; reasoning_content?: string | null };
    finish_reason?: string | null;
  }[];
  usage?: Usage | null;
  /** What the model does with tools, told by our gateway. */
  huiyan?: ToolEvent;
}
