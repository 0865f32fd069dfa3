import { describe, expect, it } from "vitest";
import { paceOf } from "./progress.ts";

const one = (finishedS: number, durationS: number) => ({ finishedMs: finishedS * 1000, durationMs: durationS * 1000 });

describe("paceOf", () => {
  it("knows nothing before two rows are done", () => {
    expect(paceOf([one(2, 2)], 8, 1)).toEqual({ rowsPerMinute: null, leftMs: null });
    expect(paceOf([], 9, 1)).toEqual({ rowsPerMinute: null, leftMs: null });
  });

  it("counts rows one after the other", () => {
    const done = [one(2, 2), one(4, 2), one(6, 2)];
    expect(paceOf(done, 5, 1)).toEqual({ rowsPerMinute: 30, leftMs: 10_000 });
  });

  it("counts rows side by side", () => {
    const done = [one(4, 4), one(4, 4), one(8, 4), one(8, 4)];
    expect(paceOf(done, 10, 2)).toEqual({ rowsPerMinute: 30, leftMs: 20_000 });
  });

  it("does not take a break for slowness", () => {
    const done = [one(2, 2), one(4, 2), one(1000, 2), one(1002, 2)];
    expect(paceOf(done, 1, 1).leftMs).toBe(2000);
  });

  it("does not promise the last rows sooner than one takes", () => {
    const done = [one(4, 4), one(4, 4), one(8, 4), one(8, 4)];
    expect(paceOf(done, 1, 2).leftMs).toBe(4000);
    expect(paceOf(done, 0, 2).leftMs).toBe(0);
  });

  it("looks at the newest rows", () => {
    const slow = Array.from({ length: 50 }, (_, n) => one((n + 1) * 10, 10));
    const fast = Array.from({ length: 20 }, (_, n) => one(500 + n + 1, 1));
    expect(paceOf([...fast, ...slow], 3, 1).rowsPerMinute).toBe(60);
  });
});
