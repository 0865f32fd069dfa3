import { describe, expect, it } from "vitest";
import { windowOf } from "./window.ts";

const at = (scrollTop: number, more = {}) =>
  windowOf({ scrollTop, height: 300, rowPx: 100, count: 500, overscan: 2, also: 0, ...more });

describe("windowOf", () => {
  it("is the rows in view and a few around them", () => {
    expect(at(0)).toEqual([0, 1, 2, 3, 4]);
    expect(at(1050, { also: 11 })).toEqual([8, 9, 10, 11, 12, 13, 14, 15]);
    expect(at(49_700, { also: 499 })).toEqual([495, 496, 497, 498, 499]);
  });

  it("holds the row with the focus, however far away", () => {
    expect(at(1000)[0]).toBe(0);
    expect(at(0, { also: 400 }).at(-1)).toBe(400);
    expect(at(0, { also: 900 })).toEqual([0, 1, 2, 3, 4]);
  });

  it("is empty for an empty list, and whole for a short one", () => {
    expect(at(0, { count: 0 })).toEqual([]);
    expect(at(9000, { count: 3, also: 1 })).toEqual([1]);
    expect(at(0, { count: 3 })).toEqual([0, 1, 2]);
  });
});
