import { describe, expect, it } from "vitest";
import { parseFields } from "./fields.ts";
import type { PresetField } from "./records.ts";

const field = (id: string, label: string, ...aliases: string[]): PresetField => ({
  id,
  label,
  aliases,
  max: null,
  unit: "chars",
});
const TITLE = [field("title", "标题", "商品标题"), field("sub", "副标题")];
const POINTS = [1, 2, 3].map((n) => field(`p${n}`, `卖点${n}`));
const CARD = [field("name", "商品名称", "名称", "name"), field("price", "价格", "price"), field("spec", "规格", "spec")];

describe("parseFields", () => {
  it.each([
    ["brackets", "【标题】星河保温杯\n【副标题】随行随饮"],
    ["brackets and colons", "【标题】：星河保温杯\n\n【副标题】：随行随饮"],
    ["bold labels", "**标题**：星河保温杯\n**副标题：** 随行随饮"],
    ["headings", "## 标题\n星河保温杯\n\n## 副标题\n随行随饮\n"],
    ["numbers", "1. 标题：星河保温杯\n2. 副标题：随行随饮"],
    ["bold values", "标题: **星河保温杯**\n副标题: 随行随饮\n---"],
    ["an alias and a preface", "好的，下面是文案：\n商品标题：星河保温杯\n副标题：随行随饮"],
  ])("reads %s", (_, text) => {
    expect(parseFields(text, TITLE)).toEqual({ title: "星河保温杯", sub: "随行随饮" });
  });

  it("keeps the lines of a longer part", () => {
    expect(parseFields("【标题】a\nb\n\nc\n【副标题】d", TITLE)).toEqual({ title: "a\nb\n\nc", sub: "d" });
  });

  it("takes no word in the text for a label", () => {
    expect(parseFields("【标题】标题党也爱的杯子，副标题很短\n【副标题】x", TITLE)).toEqual({
      title: "标题党也爱的杯子，副标题很短",
      sub: "x",
    });
  });

  it("reads JSON, in a fence too, with lists and numbers", () => {
    expect(parseFields('{"商品名称": "杯", "价格": "¥59.90", "规格": "500ml"}', CARD)).toEqual({
      name: "杯",
      price: "¥59.90",
      spec: "500ml",
    });
    expect(parseFields('```json\n{"Name": "Mug", "price": 59.9, "spec": ["a", "b"]}\n```', CARD)).toEqual({
      name: "Mug",
      price: "59.9",
      spec: "a\nb",
    });
  });

  it("reads what has come of an answer that grows", () => {
    expect(parseFields('{"商品名称": "星河', CARD)).toEqual({ name: "星河" });
    expect(parseFields('{"商品名称": "星\\u6', CARD)).toEqual({ name: "星" });
    expect(parseFields("【标题】星河", TITLE)).toEqual({ title: "星河" });
    const whole = '```json\n{"商品名称": "星河\\n杯", "价格": "¥5"}\n```';
    for (let n = 0; n <= whole.length; n++) expect(() => parseFields(whole.slice(0, n), CARD)).not.toThrow();
  });

  it("deals a list of the right length out", () => {
    expect(parseFields("1. 轻\n2. **暖**\n3. 美", POINTS)).toEqual({ p1: "轻", p2: "暖", p3: "美" });
    expect(parseFields("1. 轻\n2. 暖", POINTS)).toBeNull();
  });

  it("takes the whole answer for the only field", () => {
    expect(parseFields(" 亲，您好！\n马上为您处理。", [field("reply", "回复")])).toEqual({
      reply: "亲，您好！\n马上为您处理。",
    });
  });

  it("says when the fields are not there", () => {
    expect(parseFields("就是一段话。", TITLE)).toBeNull();
    expect(parseFields("", TITLE)).toBeNull();
    expect(parseFields("【标题】x", [])).toBeNull();
  });

  it("treats signs in labels as signs", () => {
    expect(parseFields("【C++ (a)】x", [field("c", "C++ (a)"), field("d", "d")])).toEqual({ c: "x" });
  });
});
