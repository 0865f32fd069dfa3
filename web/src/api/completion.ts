import { ConnectionLost, errorDetail, ApiError } from "./errors.ts";
import type { ServerEvent } from "./sse.ts";
import type { CompletionChunk, ToolEvent, Usage } from "./types.ts";

/** What a streamed answer amounts to so far. */
export interface Answer {
  text: string;
  reasoning: string;
  finishReason: string | null;
  usage: Usage | null;
  model: string | null;
  /** What the model did with tools: every event but progress that is superseded. Absent: nothing. */
  tools?: ToolEvent[];
  /** `[DONE]` was read: nothing is missing. */
  done: boolean;
}

export const NO_ANSWER: Answer = Object.freeze({
  text: "",
  reasoning: "",
  finishReason: null,
  usage: null,
  model: null,
  done: false,
});

/** Status of an error that arrives after the response has begun. */
const STREAM_ERROR_STATUS = 502;

/**
 * The answer after one more event. Pure.
 *
 * Throws: ApiError for an error event (the gateway cannot change the status any more);
 * ConnectionLost for data that is no JSON (a proxy cut it).
 */
export function reduceAnswer(answer: Answer, event: ServerEvent): Answer {
  if (event.data === "[DONE]") return { ...answer, done: true };
  let parsed: unknown;
  try {
    parsed = JSON.parse(event.data);
  } catch {
    throw new ConnectionLost("the stream holds something that is no JSON");
  }
  const detail = errorDetail(parsed);
  if (detail) throw new ApiError(STREAM_ERROR_STATUS, detail);
  const chunk = parsed as CompletionChunk;
  const choice = chunk.choices?.[0];
  return {
    ...answer,
    text: answer.text + (choice?.delta?.content ?? ""),
    reasoning: answer.reasoning + (choice?.delta?.reasoning_content ?? ""),
    finishReason: choice?.finish_reason ?? answer.finishReason,
    usage: chunk.usage ?? answer.usage,
    model: chunk.model ?? answer.model,
    ...(chunk.huiyan && { tools: [...(answer.tools ?? []).filter(({ type }) => type !== "progress"), chunk.huiyan] }),
  };
}

/**
 * The answer after several events, as far as they can be read; `failure` is what `reduceAnswer` throws for
 * the first one that cannot. Pure.
 */
export function reduceAll(answer: Answer, events: readonly ServerEvent[]): { answer: Answer; failure: { cause: unknown } | null } {
  let reached = answer;
  for (const event of events) {
    try {
      reached = reduceAnswer(reached, event);
    } catch (cause) {
      return { answer: reached, failure: { cause } };
    }
    if (reached.done) break;
  }
  return { answer: reached, failure: null };
}

/**
 * What to show while an answer is read again from its beginning: the text that is already on the
 * page until the new one is as long, so that nothing on the page shrinks and grows again.
 */
export function caughtUp(shown: string, fresh: string, done: boolean): string {
  return done || fresh.length >= shown.length ? fresh : shown;
}
