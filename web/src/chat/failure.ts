import { ApiError, ConnectionLost, SignInNeeded } from "../api/errors.ts";
import { StorageError } from "../store/db.ts";
import type { MessageError } from "../store/records.ts";
import { ImageMissing } from "./body.ts";

/** Runs of one request that may end with a dead engine before the request itself is suspected. */
export const MAX_ENGINE_FAILURES = 3;

/** Streams in a row that may end early without bringing anything new. */
export const MAX_CUT_OFFS = 3;

/**
 * What to do after a run ended without a whole answer.
 *
 * reattach: nothing is known about the run: ask for the same one again. rerun: it is over, and the same
 * request may run again. wait: the engine takes no request now. fail: it will never work as it is.
 */
export type Verdict =
  | { act: "reattach" }
  | { act: "rerun"; delayMs: number; error: MessageError }
  | { act: "wait"; delayMs: number }
  | { act: "fail"; error: MessageError };

const DEFAULT_DELAY_MS = 1000;

/** A proxy answers with the first three while the gateway is away, the gateway with the others without its servers. */
const AWAY_CODES = /^(http_50[234]|(key|limit)s_unavailable)$/;

export function judge(cause: unknown): Verdict {
  if (cause instanceof ConnectionLost) return { act: "reattach" };
  if (cause instanceof SignInNeeded) return { act: "wait", delayMs: 0 };
  if (cause instanceof ApiError) {
    const { code } = cause.detail;
    const error: MessageError = { ...cause.detail, status: cause.status };
    const delayMs = (cause.retryAfterS ?? 0) * 1000 || DEFAULT_DELAY_MS;
    if (code === "engine_starting" || code === "rate_limit_exceeded" || AWAY_CODES.test(code)) {
      return { act: "wait", delayMs };
    }
    if (code === "engine_died") return { act: "rerun", delayMs, error };
    return { act: "fail", error };
  }
  return { act: "fail", error: { ...localError(cause), status: 0 } };
}

function localError(cause: unknown): Omit<MessageError, "status"> {
  const message = cause instanceof Error ? cause.message : String(cause);
  const code =
    cause instanceof ImageMissing ? "image_missing" : cause instanceof StorageError ? `storage_${cause.problem}` : "page";
  return { message, code, type: "page_error", param: null, request_id: "", hint: "" };
}
