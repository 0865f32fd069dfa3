/**
 * A fake of the gateway's completion routes for `Client`: answers are scripts, requests are kept. It has the
 * real one's memory: a key that is known is answered from the beginning of its own answer, never run again.
 */
import type { Fetch } from "../src/api/client.ts";

export type Step =
  | { say: string }
  | { error: { code: string; message?: string } }
  /** The connection breaks; the answer goes on without its reader. */
  | { cut: true }
  /** Wait until the test calls the function. */
  | { until: Promise<void> };

export type Script =
  | { status: number; code: string; retryAfterS?: number }
  | { unreachable: true }
  | { steps: Step[]; noDone?: boolean };

export interface Asked {
  key: string;
  body: Record<string, unknown>;
  replay: boolean;
}

const encoder = new TextEncoder();
const chunk = (content: string) => `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`;

function readText(blob: Blob): Promise<string> {
  return new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => {
      resolve(reader.result as string);
    };
    reader.readAsText(blob);
  });
}

export class ScriptedGateway {
  readonly asked: Asked[] = [];
  readonly stopped: string[] = [];
  /** Remember no answer at all, so that each request is a run of its own. */
  forgetful = false;
  readonly #scripts: Script[];
  readonly #known = new Map<string, Script>();

  constructor(...scripts: Script[]) {
    this.#scripts = scripts;
  }

  /** The gateway dies and comes back: it knows nothing any more. */
  forget(): void {
    this.#known.clear();
  }

  readonly fetch: Fetch = async (path, init = {}) => {
    if (path.startsWith("api/answers/")) {
      this.stopped.push(path.slice("api/answers/".length));
      return new Response("{}");
    }
    const key = new Headers(init.headers).get("Idempotency-Key") ?? "";
    const body = JSON.parse(await readText(init.body as Blob)) as Record<string, unknown>;
    const known = this.forgetful ? undefined : this.#known.get(key);
    this.asked.push({ key, body, replay: known !== undefined });
    const script = known ?? this.#scripts.shift();
    if (!script) throw new Error("the test has no script for this request");
    if ("unreachable" in script) throw new TypeError("Failed to fetch");
    if ("status" in script) {
      const headers = script.retryAfterS === undefined ? {} : { "Retry-After": String(script.retryAfterS) };
      const error = { message: `it said ${script.code}`, code: script.code, hint: "do this" };
      return new Response(JSON.stringify({ error }), { status: script.status, headers });
    }
    // What was cut once is whole when it is read again.
    this.#known.set(key, { steps: script.steps.filter((step) => !("cut" in step)) });
    return new Response(this.#stream(key, script, init.signal ?? null));
  };

  #stream(key: string, script: { steps: Step[]; noDone?: boolean }, signal: AbortSignal | null): ReadableStream<Uint8Array> {
    const forget = () => this.#known.delete(key);
    const steps = [...script.steps];
    const next = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
      const step = steps.shift();
      if (step === undefined) {
        if (!script.noDone) controller.enqueue(encoder.encode("data: [DONE]\n\n"));
        controller.close();
      } else if ("say" in step) controller.enqueue(encoder.encode(chunk(step.say)));
      else if ("error" in step) {
        forget(); // a failed answer is not kept
        const error = { message: step.error.message ?? step.error.code, code: step.error.code };
        controller.enqueue(encoder.encode(`data: ${JSON.stringify({ error })}\n\n`));
        controller.close();
      } else if ("cut" in step) controller.error(new TypeError("network error"));
      else {
        await step.until;
        if (!signal?.aborted) await next(controller);
      }
    };
    return new ReadableStream(
      {
        start(controller) {
          signal?.addEventListener("abort", () => {
            controller.error(signal.reason);
          });
        },
        pull: next,
      },
      { highWaterMark: 0 }, // one step for each read: an error would drop what is queued before it
    );
  }
}
