import { errorDetail, responseError, ApiError, ConnectionLost } from "../api/errors.ts";
import { readEvents } from "../api/sse.ts";
import type { Fetch } from "../api/client.ts";
import type { ToolList, ToolProgress, ToolResult } from "./types.ts";

/** A file argument on its way: which argument, and its bytes. */
export interface SentFile {
  argument: string;
  blob: Blob;
  name: string;
  /** The argument takes a list. */
  many: boolean;
}

/** Throws: ApiError, TypeError where the gateway cannot be reached. */
export async function listTools(fetcher: Fetch): Promise<ToolList> {
  const response = await fetcher("api/tools", { cache: "no-store" });
  if (!response.ok) throw await responseError(response);
  return (await response.json()) as ToolList;
}

/** Answer a call that waits for its user. False: it does not wait any more. Throws: ApiError, TypeError. */
export async function decide(fetcher: Fetch, call: string, allow: boolean): Promise<boolean> {
  const response = await fetcher(`api/tool-calls/${encodeURIComponent(call)}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ allow }),
  });
  if (response.status === 404) return false;
  if (!response.ok) throw await responseError(response);
  return true;
}

/** The call's body: the arguments as JSON, each file as a part to which they refer. */
export function callBody(values: Readonly<Record<string, unknown>>, files: readonly SentFile[]): FormData {
  const form = new FormData();
  const named: Record<string, unknown> = { ...values };
  files.forEach((file, index) => {
    const reference = `attachment://file-${index}`;
    if (file.many) named[file.argument] = [...((named[file.argument] as string[] | undefined) ?? []), reference];
    else named[file.argument] = reference;
  });
  form.append("arguments", JSON.stringify(named));
  files.forEach((file, index) => {
    form.append(`file-${index}`, file.blob, file.name);
  });
  return form;
}

/**
 * Call a tool. Aborting `signal` ends its work.
 *
 * Throws: ApiError (also for one that came as an event), ConnectionLost, AbortError.
 */
export async function callTool(
  fetcher: Fetch,
  plugin: string,
  tool: string,
  body: FormData,
  onProgress: (progress: ToolProgress) => void,
  signal: AbortSignal,
): Promise<ToolResult> {
  const address = `api/tools/${encodeURIComponent(plugin)}/${encodeURIComponent(tool)}`;
  const response = await fetcher(address, { method: "POST", headers: { Accept: "text/event-stream" }, body, signal });
  if (!response.ok || !response.body) throw await responseError(response);
  for await (const { event, data } of readEvents(response.body)) {
    signal.throwIfAborted();
    const said: unknown = JSON.parse(data);
    if (event === "progress") onProgress(said as ToolProgress);
    else if (event === "result") return said as ToolResult;
    else if (event === "error") {
      const detail = errorDetail(said);
      if (detail) throw new ApiError(502, detail);
    }
  }
  throw new ConnectionLost("the call ended without a result");
}
