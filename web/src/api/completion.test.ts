import { describe, expect, it } from "vitest";
import { caughtUp, NO_ANSWER, reduceAll, reduceAnswer } from "./completion.ts";
import { ApiError, ConnectionLost } from "./errors.ts";

const event = (data: unknown) => ({ event: "message", data: typeof data === "string" ? data : JSON.stringify(data) });
const delta = (content: string, finish_reason: string | null = null) =>
  event({ model: "nano", choices: [{ index: 0, delta: { content }, finish_reason }] });

describe("reduceAnswer", () => {
  it("adds up text, reason to end, and usage", () => {
    const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
    const events = [delta("你"), delta("好", "stop"), event({ choices: [], usage }), event("[DONE]")];
    expect(events.reduce(reduceAnswer, NO_ANSWER)).toEqual({
      text: "你好",
      reasoning: "",
      finishReason: "stop",
      usage,
      model: "nano",
      done: true,
    });
  });

  it("keeps reasoning apart from text", () => {
    const answer = reduceAnswer(NO_ANSWER, event({ choices: [{ delta: { reasoning_content: "hm" } }] }));
    expect([answer.text, answer.reasoning]).toEqual(["", "hm"]);
  });

  it("throws an error event as what it says", () => {
    const bad = event({ error: { message: "The engine died.", code: "engine_died", type: "engine_error", hint: "wait" } });
    expect(() => reduceAnswer(NO_ANSWER, bad)).toThrowError(ApiError);
    try {
      reduceAnswer(NO_ANSWER, bad);
    } catch (cause) {
      expect((cause as ApiError).detail).toMatchObject({ code: "engine_died", hint: "wait", message: "The engine died." });
    }
  });

  it("takes data that is no JSON for a lost connection", () => {
    expect(() => reduceAnswer(NO_ANSWER, event("<html>"))).toThrowError(ConnectionLost);
  });
});

describe("reduceAll", () => {
  it("gives the same as one event after the other", () => {
    const events = [delta("你"), delta("好", "stop"), event("[DONE]")];
    expect(reduceAll(NO_ANSWER, events)).toEqual({ answer: events.reduce(reduceAnswer, NO_ANSWER), failure: null });
  });

  it("keeps what came before an event that is an error", () => {
    const { answer, failure } = reduceAll(NO_ANSWER, [delta("你好"), event({ error: { code: "engine_died" } }), delta("x")]);
    expect(answer.text).toBe("你好");
    expect(failure?.cause).toBeInstanceOf(ApiError);
  });

  it("reads nothing after the end", () => {
    expect(reduceAll(NO_ANSWER, [event("[DONE]"), event("<html>")])).toEqual({ answer: { ...NO_ANSWER, done: true }, failure: null });
  });
});

describe("caughtUp", () => {
  it("shows what was there until the fresh text is as long, and the fresh one when it is done", () => {
    expect(caughtUp("abcdef", "abc", false)).toBe("abcdef");
    expect(caughtUp("abcdef", "xyzxyz", false)).toBe("xyzxyz");
    expect(caughtUp("abcdef", "xy", true)).toBe("xy");
  });
});
