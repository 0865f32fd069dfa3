import { describe, expect, it } from "vitest";
import { closeOpenInline } from "./tail.ts";

describe("closeOpenInline", () => {
  it.each([
    ["写**重点", "写**重点**"],
    ["写**重点*", "写**重点**"],
    ["写**重点**", "写**重点**"],
    ["写**", "写"],
    ["用`code", "用`code`"],
    ["用`a**b`", "用`a**b`"],
    ["看[这里](https://exa", "看这里"],
    ["看[这里](https://example.com)", "看[这里](https://example.com)"],
    ["看![图](http", "看图"],
    ["- 甲**乙**\n- 丙**丁", "- 甲**乙**\n- 丙**丁**"],
    ["坏了**的行\n好的行", "坏了**的行\n好的行"],
    ["```js\nlet a = '**", "```js\nlet a = '**"],
    ["```js\nx\n```\n写**重", "```js\nx\n```\n写**重**"],
    ["    缩进 `代码", "    缩进 `代码"],
    ["2 * 3", "2 * 3"],
    ["* 项目", "* 项目"],
    ["", ""],
  ])("%j → %j", (text, expected) => {
    expect(closeOpenInline(text)).toBe(expected);
  });
});
