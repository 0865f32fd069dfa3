import { describe, expect, it } from "vitest";
import { findLoop, LoopDetector } from "./loop.ts";
import { LOOPS, NO_LOOPS } from "./loop_cases.ts";

/** Feed `text` in pieces of `size` characters; returns the loop and how much had been read by then. */
function stream(text: string, size: number) {
  const detector = new LoopDetector();
  for (let at = 0; at < text.length; at += size) {
    const loop = detector.push(text.slice(at, at + size));
    if (loop) return { loop, read: at + size };
  }
  return { loop: detector.end(), read: text.length };
}

describe("cases", () => {
  it("are as many as they should be, each once", () => {
    expect(LOOPS.length).toBeGreaterThanOrEqual(40);
    expect(NO_LOOPS.length).toBeGreaterThanOrEqual(60);
    const names = [...LOOPS, ...NO_LOOPS].map((each) => each.name);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe("loops", () => {
  it.each(LOOPS)("$name", ({ text }) => {
    const loop = findLoop(text);
    expect(loop).not.toBeNull();
    // What is kept is a beginning of the answer that is no loop itself, and shorter than what was written.
    const kept = text.slice(0, loop?.keepChars);
    expect(kept.length).toBeLessThan(text.length);
    expect(findLoop(kept)).toBeNull();
  });
});

describe("no loops", () => {
  it.each(NO_LOOPS)("$name", ({ text }) => {
    expect(findLoop(text)).toBeNull();
  });

  it("none in all of them after each other", () => {
    expect(findLoop(NO_LOOPS.map((each) => each.text).join("\n\n"))).toBeNull();
  });
});

describe("as a stream", () => {
  it.each(LOOPS)("the same is found however the text is cut: $name", ({ text }) => {
    const whole = findLoop(text);
    for (const size of [1, 7, 64, 1000]) expect(stream(text, size).loop).toEqual(whole);
  });

  it("is found long before an endless answer is long", () => {
    const endless = "The image shows a red cup on a wooden table. ".repeat(2000);
    expect(stream(endless, 4).read).toBeLessThan(1000);
  });

  it("keeps the good beginning and the first time round, to the end of a sentence", () => {
    const text = `The chart has four bars. ${"I hope this helps you. ".repeat(30)}`;
    expect(text.slice(0, findLoop(text)?.keepChars)).toBe("The chart has four bars. I hope this helps you.");
  });

  it("cuts JSON before the first key that comes again", () => {
    const text = `{"a": 1, "b": 2, "a": 1, "b": 2, "a": 1}`;
    expect(text.slice(0, findLoop(text)?.keepChars)).toBe(`{"a": 1, "b": 2`);
  });

  it("goes on after a loop as before: the first finding stands", () => {
    const detector = new LoopDetector();
    const first = detector.push("好的。".repeat(200));
    expect(first).not.toBeNull();
    expect(detector.push("别的内容")).toBe(first);
    expect(detector.follow("x".repeat(5000))).toBe(first);
  });

  it("follows a text that grows", () => {
    const detector = new LoopDetector();
    const text = "数量有限，先到先得。".repeat(60);
    let found = null;
    for (let end = 0; end <= text.length && !found; end += 5) found = detector.follow(text.slice(0, end));
    expect(found).toEqual(findLoop(text));
  });
});
