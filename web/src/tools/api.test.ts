import { describe, expect, it } from "vitest";
import { ApiError, ConnectionLost } from "../api/errors.ts";
import { callBody, callTool } from "./api.ts";
import { ToolRun } from "./run.svelte.ts";
import type { ToolProgress } from "./types.ts";

const RESULT = { plugin: "p", tool: "t", is_error: false, content: [], structured: null, duration_s: 1 };
const stream = (...events: string[]) => new Response(events.join(""), { headers: { "content-type": "text/event-stream" } });
const event = (name: string, data: unknown) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

describe("a call", () => {
  it("names each file where its argument stands", async () => {
    const blob = new Blob(["x"]);
    const body = callBody({ n: 1 }, [
      { argument: "a", blob, name: "1.png", many: false },
      { argument: "b", blob, name: "2.png", many: true },
      { argument: "b", blob, name: "3.png", many: true },
    ]);
    expect(JSON.parse(String(body.get("arguments")))).toEqual({
      n: 1,
      a: "attachment://file-0",
      b: ["attachment://file-1", "attachment://file-2"],
    });
    expect(await (body.get("file-2") as File).text()).toBe("x");
  });

  it("tells progress and brings the result", async () => {
    const heard: ToolProgress[] = [];
    const answer = stream(": hello\n\n", event("progress", { progress: 1, total: 2, message: "" }), event("result", RESULT));
    const result = await callTool(
      () => Promise.resolve(answer),
      "p",
      "t/../x",
      new FormData(),
      (progress) => heard.push(progress),
      new AbortController().signal,
    );
    expect(result).toEqual(RESULT);
    expect(heard).toHaveLength(1);
  });

  it("fails with the gateway's words, also when they come late, and when the stream is cut off", async () => {
    const error = { error: { message: "It died.", code: "tool_died", type: "", param: null, request_id: "1", hint: "Again." } };
    const call = (response: Response) =>
      callTool(() => Promise.resolve(response), "p", "t", new FormData(), () => undefined, new AbortController().signal);
    await expect(call(stream(event("error", error)))).rejects.toThrow(ApiError);
    await expect(call(new Response(JSON.stringify(error), { status: 404 }))).rejects.toThrow("It died.");
    await expect(call(stream(event("progress", { progress: 1, total: null, message: "" })))).rejects.toThrow(ConnectionLost);
  });

  it("forgets what a cancelled call still says", async () => {
    const run = new ToolRun();
    const started = run.start(
      (_, init) =>
        new Promise((_resolve, reject) => {
          init?.signal?.addEventListener("abort", () => {
            reject(new DOMException("aborted", "AbortError"));
          });
        }),
      "p",
      "t",
      new FormData(),
    );
    expect(run.running).toBe(true);
    run.cancel();
    await started;
    expect([run.running, run.failure, run.result]).toEqual([false, null, null]);
  });

  it("knows how long it will take where the tool says how far it is", () => {
    const run = new ToolRun();
    run.startedMs = 0;
    expect(run.leftS(10_000)).toBeNull();
    run.progress = { progress: 2, total: 8, message: "" };
    expect(run.leftS(10_000)).toBe(30);
    run.progress = { progress: 8, total: 8, message: "" };
    expect(run.leftS(10_000)).toBeNull();
  });
});
