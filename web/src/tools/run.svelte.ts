import { ApiError } from "../api/errors.ts";
import type { Fetch } from "../api/client.ts";
import type { ToolProgress, ToolResult } from "./types.ts";
import { callTool } from "./api.ts";

export interface Failure {
  message: string;
  hint: string;
}

/** The newest call of one tool on this page. It goes on while its form is closed. */
export class ToolRun {
  progress = $state.raw<ToolProgress | null>(null);
  result = $state.raw<ToolResult | null>(null);
  failure = $state.raw<Failure | null>(null);
  startedMs = $state(0);
  #abort = $state.raw<AbortController | null>(null);
  readonly running: boolean = $derived(this.#abort !== null);

  /** Call it; what comes of it is in `result` or `failure`. Never throws. */
  async start(fetcher: Fetch, plugin: string, tool: string, body: FormData): Promise<void> {
    this.cancel();
    const abort = new AbortController();
    this.#abort = abort;
    this.progress = this.result = this.failure = null;
    this.startedMs = Date.now();
    try {
      const onProgress = (progress: ToolProgress) => {
        if (this.#abort === abort) this.progress = progress;
      };
      const result = await callTool(fetcher, plugin, tool, body, onProgress, abort.signal);
      if (this.#abort === abort) this.result = result;
    } catch (cause) {
      if (this.#abort === abort && !abort.signal.aborted) this.failure = failureOf(cause);
    } finally {
      if (this.#abort === abort) this.#abort = null;
    }
  }

  /** End it, here and in the tool. */
  cancel(): void {
    this.#abort?.abort();
    this.#abort = null;
  }

  /** Seconds that are left, where the tool says how far it is. */
  leftS(nowMs: number): number | null {
    const { progress, total } = this.progress ?? { progress: 0, total: null };
    if (total === null || progress <= 0 || progress >= total) return null;
    return ((nowMs - this.startedMs) / 1000 / progress) * (total - progress);
  }
}

function failureOf(cause: unknown): Failure {
  if (cause instanceof ApiError) return { message: cause.detail.message, hint: cause.detail.hint };
  return { message: cause instanceof Error ? cause.message : String(cause), hint: "" };
}
