// @vitest-environment jsdom
import { describe, expect, it } from "vitest";
import { asHtml, asPlainText } from "./formats.ts";

describe("asPlainText", () => {
  it.each([
    ["# 标题\n\n**粗**和*斜*，[链接](https://a.example/)", "标题\n\n粗和斜，链接"],
    ["1. 一\n2. 二\n   - 甲\n   - 乙", "1. 一\n2. 二\n   - 甲\n   - 乙"],
    ["3. 三\n4. 四", "3. 三\n4. 四"],
    ["| a | b |\n|-|-|\n| 1 | **2** |", "a\tb\n1\t2"],
    ["```py\nif x:\n    y\n```\n完", "if x:\n    y\n\n完"],
    ["第一行\n第二行", "第一行\n第二行"],
    ["$x^2$ 与 $5", "x^2 与 $5"],
    ["<b>不是</b>", "<b>不是</b>"],
  ])("of %j", (markdown, text) => {
    expect(asPlainText(markdown)).toBe(text);
  });
});

describe("asHtml", () => {
  it("is plain, and safe", async () => {
    const html = await asHtml('# 标题\n\n**粗** <img src=x onerror=alert(1)> [x](javascript:alert(1)) [y](https://a.example/)');
    expect(html).toContain("<h1>标题</h1>");
    expect(html).toContain("<strong>粗</strong>");
    expect(html).toContain('<a href="https://a.example/">y</a>');
    expect(html).not.toMatch(/<img|href="javascript|class=|target=/);
  });
});
