import { describe, expect, it } from "vitest";
import { cut, type Cut } from "./cutter.ts";
import { PROMPTS } from "./prompts.ts";
import { estimateTokens } from "./tokens.ts";

const ALL = { ratio: 0 };

/** What was cut and what was left, put back together. */
function restored({ text, removed }: Cut, original: string): string {
  let result = "";
  let left = text;
  let at = 0;
  for (const [start, end] of removed) {
    result += left.slice(0, start - at) + original.slice(start, end);
    left = left.slice(start - at);
    at = end;
  }
  return result + left;
}

const digits = (text: string) => text.match(/\d/g)?.join("") ?? "";
const NEGATIONS = /不(?!好意思)|没|未|无法|(?<!特)别(?!的)|勿|禁|\b(?:not|no|never|without|cannot)\b|n't/gi;
/** Set phrases that hold a negation and deny nothing. */
const plain = (text: string) => text.replace(/能不能|可不可以|是不是|好不好|不好意思|不得不说|goes without saying|if you don't mind/gi, "");
const negations = (text: string) => plain(text).match(NEGATIONS) ?? [];

describe("60 prompts", () => {
  it("are 30 in each language, each once, most of them with something to cut", () => {
    const ids = PROMPTS.map((prompt) => prompt.id);
    expect(new Set(ids).size).toBe(60);
    expect(ids.filter((id) => id.startsWith("zh")).length).toBe(30);
    expect(PROMPTS.filter((prompt) => prompt.gone.length > 0).length).toBeGreaterThanOrEqual(40);
    for (const prompt of PROMPTS) {
      expect(prompt.keep.length).toBeGreaterThanOrEqual(3);
      for (const part of [...prompt.keep, ...prompt.gone]) expect(prompt.text).toContain(part);
    }
  });

  it.each(PROMPTS)("$id keeps its facts", ({ text, keep, gone }) => {
    const result = cut(text, ALL);
    for (const fact of keep) expect(result.text).toContain(fact);
    for (const filler of gone) expect(result.text).not.toContain(filler);
    if (gone.length > 0) expect(estimateTokens(result.text)).toBeLessThan(estimateTokens(text));
    expect(restored(result, text)).toBe(text);
  });

  it.each(PROMPTS)("$id keeps every digit and negation that it does not repeat", ({ id, text }) => {
    const repeats = ["zh-06", "zh-17", "en-03", "en-16"].includes(id);
    const original = repeats ? cut(text, { ratio: 0.99 }).text : text;
    const result = cut(text, ALL).text;
    expect(digits(result)).toBe(digits(original));
    expect(negations(result)).toEqual(negations(original));
  });

  it.each(PROMPTS)("$id: cutting again cuts no fact either, and a reachable goal is kept to", ({ text, keep }) => {
    const once = cut(text, ALL).text;
    for (const fact of keep) expect(cut(once, ALL).text).toContain(fact);
    expect(cut(text, { ratio: 1 })).toEqual({ text, removed: [] });
    const goal = estimateTokens(once) + 2;
    if (goal < estimateTokens(text)) expect(estimateTokens(cut(text, { tokens: goal }).text)).toBeLessThanOrEqual(goal + 2);
  });
});

describe("cut", () => {
  it.each([
    ["您好，请问这是什么？", "这是什么？"],
    ["把价格列出来，谢谢！", "把价格列出来！"],
    ["这款杯子真的非常好看，我很喜欢。", "这款杯子好看，我喜欢。"],
    ["Could you please list the prices? Thank you!", "list the prices?"],
    ["This is a really very nice cup.", "This is a nice cup."],
    ["I think, you know, it is blue.", "I think, it is blue."],
    ["请把标题翻译成英文。请把标题翻译成英文。", "请把标题翻译成英文。"],
  ])("%s", (text, expected) => {
    expect(cut(text, ALL).text).toBe(expected);
  });

  it.each([
    "不是特别清楚，也不太好看。",
    "十分钟后见，八十分满意。",
    "他说“非常好，谢谢！”",
    "`please really very`",
    "| very | really |",
    '{"note": "please, really"}',
    "谢谢",
    "Thanks!",
    "No, not really.",
    "麻烦的是没有电源。",
    "这是超大容量、超高清的型号。",
    "",
  ])("leaves %j alone", (text) => {
    expect(cut(text, ALL)).toEqual({ text, removed: [] });
  });

  it("takes repetitions first, modifiers last, and stops at the goal", () => {
    const text = "Please read the label. Please read the label. It is a very nice label.";
    const target = estimateTokens(text) - 3;
    expect(cut(text, { tokens: target }).text).toBe("Please read the label. It is a very nice label.");
  });

  it("keeps blank lines and lists as they are", () => {
    const text = "要求：\n\n1. 请您帮我写标题，不超过30字\n2. 非常重要：不要用“最”\n\n谢谢！";
    const result = cut(text, ALL).text;
    expect(result).toContain("要求：\n\n1. ");
    expect(result).toContain("不超过30字\n2. 重要：不要用“最”");
    expect(result).not.toContain("谢谢");
  });

  it("is quick on a long text", () => {
    const text = PROMPTS.map((prompt) => prompt.text).join("\n").repeat(10);
    expect(cut(text, ALL).text.length).toBeLessThan(text.length / 5);
  });
});
