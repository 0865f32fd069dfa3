import { expect, test } from "vitest";
import { callsAsMarkdown, callsOf } from "./calls.ts";

const title = { zh: "回声", en: "Echo" };
const call = { type: "call", id: "a", step: 1, plugin: "p", tool: "echo", title, arguments: '{"text":"x"}' };

test("a call goes from running to done", () => {
  const progress = { type: "progress", id: "a", progress: 1, total: 4, message: "one" };
  const running = callsOf([{ type: "tools", offered: [], missing: ["q/r"] }, call, progress], true);
  expect(running.missing).toEqual(["q/r"]);
  expect(running.calls[0]).toMatchObject({ state: "running", progress: { value: 1, total: 4, message: "one" } });
  expect(running.calls[0]?.arguments).toBe('{\n  "text": "x"\n}');
  const result = { type: "result", id: "a", is_error: false, content: [{ type: "text", text: "x" }], cut: true, duration_s: 0.5 };
  const done = callsOf([call, progress, result, { type: "limit", reason: "steps" }], false);
  expect(done.calls[0]).toMatchObject({ state: "done", progress: null, cut: true, content: [{ type: "text", text: "x" }] });
  expect(done.limits).toEqual(["steps"]);
});

test("a call is asked about, refused, and stays refused when it fails for that", () => {
  const asks = [call, { type: "confirm", id: "a", reasons: ["network"], timeout_s: 9 }];
  expect(callsOf(asks, true).calls[0]).toMatchObject({ state: "asks", reasons: ["network"] });
  expect(callsOf(asks, false).calls[0]?.state).toBe("over");
  const refused = [...asks, { type: "decided", id: "a", allowed: false, by: "timeout" }];
  const failed = { type: "failed", id: "a", error: { code: "forbidden", message: "no", hint: "" } };
  expect(callsOf([...refused, failed], false).calls[0]).toMatchObject({ state: "refused", timedOut: true });
  const allowed = [...asks, { type: "decided", id: "a", allowed: true, by: "user" }, failed];
  expect(callsOf(allowed, false).calls[0]).toMatchObject({ state: "failed", error: { message: "no", hint: "" } });
});

test("what an import brought may have any shape", () => {
  const events = [null, 1, "x", [], {}, { type: "call" }, { type: "result", id: "zzz", content: 1 }, { type: "failed" }, { type: "limit" }];
  expect(callsOf([...events, { type: "call", id: "b", arguments: "{" }, { type: "result", id: "b", content: [1, { type: "file" }] }], false).calls).toHaveLength(2);
});

test("nothing that a tool said leaves its fence", () => {
  const said = { type: "result", id: "a", is_error: false, content: [{ type: "text", text: "````\n# out" }], cut: false, duration_s: 1 };
  const [text] = callsAsMarkdown([call, said], ({ tool }) => `<b>${tool}`);
  expect(text).toContain("<details><summary>&lt;b&gt;echo</summary>");
  expect(text).toContain("`````\n````\n# out\n`````");
});
