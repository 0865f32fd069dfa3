import { describe, expect, it } from "vitest";
import { evenTimes, parsePages, showPages, showTime } from "./ranges.ts";

describe("parsePages", () => {
  it.each([
    ["1-3,7", [1, 2, 3, 7]],
    ["3", [3]],
    ["9-", [9, 10]],
    ["-2", [1, 2]],
    ["2，4、6", [2, 4, 6]],
    ["1至3", [1, 2, 3]],
    [" 5 - 6 , 5", [5, 6]],
    ["8,1", [8, 1]],
    ["1,,2", [1, 2]],
  ])("reads %j", (text, pages) => {
    expect(parsePages(text, 10)).toEqual(pages);
  });

  it.each(["", "0", "11", "3-1", "1-11", "a", "-", "1 2", "1.5", "1-2-3", "9".repeat(30)])("refuses %j", (text) => {
    expect(parsePages(text, 10)).toBeNull();
  });

  it("is what showPages writes", () => {
    for (const pages of [[1], [1, 2, 3, 7], [2, 4, 5, 10]]) expect(parsePages(showPages(pages), 10)).toEqual(pages);
  });
});

describe("times", () => {
  it("lie evenly and never at the ends", () => {
    expect(evenTimes(10, 5)).toEqual([1, 3, 5, 7, 9]);
    expect(evenTimes(3, 1)).toEqual([1.5]);
  });

  it("read as people read them", () => {
    expect([0, 9.96, 75.25, 3600 + 62].map(showTime)).toEqual(["0:00.0", "0:10.0", "1:15.3", "1:01:02.0"]);
  });
});
