import { describe, expect, it } from "vitest";
import { countChars, countField, countWidth, countWords } from "./count.ts";

describe("counting", () => {
  it.each([
    ["星河轻量保温杯", 7],
    ["星河 500ml 杯", 10],
    ["a\nb\r\nc", 3],
    ["  两边的空格  ", 5],
    ["**粗体**字", 3],
    ["👨‍👩‍👧一家", 3],
    ["", 0],
  ])("counts the characters of %j", (text, count) => {
    expect(countChars(text)).toBe(count);
  });

  it.each([
    ["Keeps drinks hot for 12 hours", 6],
    ["don't use the 5.5-inch one", 5],
    ["星河保温杯 500ml", 6],
    ["1,299.00 yuan", 2],
    ["你好，world！", 3],
    ["……—— !!", 0],
    ["café naïve", 2],
  ])("counts the words of %j", (text, count) => {
    expect(countWords(text)).toBe(count);
  });

  it.each([
    ["保温杯", 3],
    ["ab", 1],
    ["保温杯500ml", 5.5],
    ["杯，a", 2.5],
  ])("counts the width of %j", (text, count) => {
    expect(countWidth(text)).toBe(count);
  });

  it("marks what is over its limit, and only that", () => {
    expect(countField("一二三", { max: 3, unit: "chars" }).over).toBe(false);
    expect(countField("一二三四", { max: 3, unit: "chars" })).toEqual({ count: 4, max: 3, unit: "chars", over: true });
    expect(countField("很长".repeat(99), { max: null, unit: "chars" }).over).toBe(false);
    expect(countField("four words are here", { max: 3, unit: "words" }).over).toBe(true);
  });
});
