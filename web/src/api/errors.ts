import type { ErrorBody, ErrorDetail } from "./types.ts";

/** The gateway answered, and the answer is an error. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly detail: ErrorDetail;
  /** From `Retry-After`, in seconds. */
  readonly retryAfterS: number | null;

  constructor(status: number, detail: ErrorDetail, retryAfterS: number | null = null) {
    super(detail.message);
    this.status = status;
    this.detail = detail;
    this.retryAfterS = retryAfterS;
  }
}

/** No answer, or one that was cut off: nothing is known about what the gateway did. */
export class ConnectionLost extends Error {
  override readonly name = "ConnectionLost";
}

/** Nobody is signed in, or not any more: the same request may go out again once somebody is. */
export class SignInNeeded extends Error {
  override readonly name = "SignInNeeded";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Read OpenAI's error object leniently: engines and proxies leave fields out. Null: it is none. */
export function errorDetail(body: unknown): ErrorDetail | null {
  if (!isRecord(body)) return null;
  const error: unknown = (body as Partial<ErrorBody>).error;
  if (typeof error === "string") return { message: error, type: "", code: "", param: null, request_id: "", hint: "" };
  if (!isRecord(error)) return null;
  return {
    message: text(error["message"]) || text(error["code"]) || "unknown error",
    type: text(error["type"]),
    code: text(error["code"]),
    param: text(error["param"]) || null,
    request_id: text(error["request_id"]),
    hint: text(error["hint"]),
  };
}

/** The error that a response with a status of 400 or more stands for. */
export async function responseError(response: Response): Promise<ApiError> {
  const raw = await response.text().catch(() => "");
  let detail: ErrorDetail | null = null;
  try {
    detail = errorDetail(JSON.parse(raw));
  } catch {
    // A proxy's HTML page or nothing at all: the status line has to do.
  }
  const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
  return new ApiError(
    response.status,
    detail ?? {
      message: `HTTP ${response.status} ${response.statusText}`.trim(),
      type: "",
      code: `http_${response.status}`,
      param: null,
      request_id: response.headers.get("x-request-id") ?? "",
      hint: "",
    },
    Number.isFinite(seconds) ? seconds : null,
  );
}
