import { describe, expect, it } from "vitest";
import { GrowingBlocks, parseWhole } from "./blocks.ts";

const ANSWER = `# 标题

第一段，**重点：**文字，见 https://example.com/a。

- 一
- 二
  - 二之一

    仍在二之一

- 三

2. 从二开始
3. 下一条

\`\`\`python
def f():

    return "**不是粗体**"
\`\`\`

| 商品 | 单价 |
| --- | ---: |
| 苹果 | ¥5.80 |

> 引用
> 两行

标题二
---

最后一段。`;

const html = (blocks: { html: string }[]) => blocks.map((block) => block.html).join("");

describe("GrowingBlocks", () => {
  it.each([1, 2, 3, 7, 16, 50])("ends with what a parse of the whole gives, in steps of %i characters", (step) => {
    const growing = new GrowingBlocks();
    let last = growing.update("");
    for (let end = step; end < ANSWER.length + step; end += step) last = growing.update(ANSWER.slice(0, end));
    expect(html(last)).toBe(html(parseWhole(ANSWER)));
    expect(last.map((block) => block.start)).toEqual(parseWhole(ANSWER).map((block) => block.start));
  });

  it("leaves finished blocks untouched, as the same objects", () => {
    const growing = new GrowingBlocks();
    const early = growing.update("一段\n\n二段\n\n三段\n\n四段");
    const later = growing.update("一段\n\n二段\n\n三段\n\n四段更长\n\n五段");
    expect(later[0]).toBe(early[0]);
    expect(later[1]).toBe(early[1]);
    expect(html(later)).toContain("四段更长");
  });

  it("joins a list item whose number arrives before its dot", () => {
    const growing = new GrowingBlocks();
    for (const text of ["1. 一\n\n", "1. 一\n\n2", "1. 一\n\n2.", "1. 一\n\n2. 二"]) growing.update(text);
    expect(growing.update("1. 一\n\n2. 二\n\n完")).toHaveLength(2);
  });

  it.each([
    ["plain Markdown", ANSWER],
    ["a list that ends in a half-written item", "- 一\n- 二\n\n2"],
    ["an open fence", "说明：\n\n```json\n{\n\n\"a\": 1\n"],
    ["bold that is not closed", "甲\n\n乙\n\n写**重点"],
    ["a definition at the end", "见[文档]。\n\n二\n\n三\n\n四\n\n[文档]: https://example.com/\n"],
    ["a definition in a quotation", "见[文档]。\n\n二\n\n三\n\n四\n\n> [文档]: https://example.com/\n"],
    ["a formula with empty lines in it", "一\n\n$$\na\n\nb\n\nc\n\nd\n$$\n\n二"],
    ["a bracketed formula with empty lines in it", "一\n\n\\[\na\n\nb\n\nc\n\nd\n\\]\n\n二"],
    ["a table as HTML", "一\n\n<table>\n<tr><td>1</td></tr>\n\n<tr><td>2</td></tr>\n</table>\n\n二"],
  ])("finishes with what a parse of the whole gives: %s", (_name, text) => {
    for (const step of [1, 3, 16]) {
      const growing = new GrowingBlocks();
      for (let end = 0; end < text.length; end += step) growing.update(text.slice(0, end));
      expect(growing.finish(text)).toEqual(parseWhole(text));
    }
  });

  it("finishes without parsing again what was closed", () => {
    const growing = new GrowingBlocks();
    const before = growing.update(ANSWER);
    const after = growing.finish(ANSWER);
    expect(after.slice(0, -2)).toEqual(before.slice(0, -2));
    expect(after.slice(0, -2).every((block, index) => block === before[index])).toBe(true);
  });

  it("starts over when the text is another one", () => {
    const growing = new GrowingBlocks();
    growing.update("甲\n\n乙\n\n丙\n\n丁\n\n");
    expect(html(growing.update("完全不同"))).toBe("<p>完全不同</p>\n");
  });

  it("starts over when only the beginning is another one", () => {
    const growing = new GrowingBlocks();
    growing.update("甲\n\n乙\n\n丙\n\n丁");
    expect(html(growing.update("子\n\n乙\n\n丙\n\n丁"))).toContain("子");
  });

  it("does not parse what is finished again: the work for an answer grows with its length", () => {
    const paragraph = "一段不太短的文字，**带粗体**和`代码`。\n\n";
    const growing = new GrowingBlocks();
    let text = "";
    let open = 0;
    for (let n = 0; n < 200; n++) {
      text += paragraph;
      const before = new Set(growing.update(text));
      open = growing.update(text).filter((block) => !before.has(block)).length;
    }
    expect(open).toBeLessThanOrEqual(2);
  });
});
