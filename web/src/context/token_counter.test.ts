import { describe, expect, it } from "vitest";
import { textHash, TokenCounter } from "./token_counter.ts";
import { estimateTokens } from "./tokens.ts";

const signal = new AbortController().signal;

function counting(tokensOf: (text: string) => number) {
  const asked: string[][] = [];
  const counter = new TokenCounter((texts) => {
    asked.push(texts);
    return Promise.resolve(texts.map(tokensOf));
  });
  counter.useModel("m");
  return { counter, asked };
}

describe("TokenCounter", () => {
  it("estimates until the tokenizer has been asked, then knows", async () => {
    const { counter } = counting(() => 7);
    expect(counter.exact("一段文字")).toBeNull();
    expect(counter.count("一段文字")).toBe(estimateTokens("一段文字"));
    expect(await counter.learn(["一段文字"], signal)).toBe(true);
    expect(counter.count("一段文字")).toBe(7);
  });

  it("asks about each text once, in batches", async () => {
    const { counter, asked } = counting((text) => text.length);
    const texts = Array.from({ length: 1200 }, (_, i) => `text ${i}`);
    await counter.learn([...texts, ...texts], signal);
    expect(asked.map((batch) => batch.length)).toEqual([512, 512, 176]);
    expect(await counter.learn(texts, signal)).toBe(false);
    expect(asked).toHaveLength(3);
  });

  it("asks about nothing where there is nothing", async () => {
    const { counter, asked } = counting(() => 1);
    await counter.learn([""], signal);
    expect(asked).toEqual([]);
    expect(counter.count("")).toBe(0);
  });

  it("estimates better after it has learnt", async () => {
    const { counter } = counting((text) => estimateTokens(text) * 1.5);
    await counter.learn([..."abcdefghij"].map((char) => `${char} some words that are counted here`), signal);
    const text = "quite another text about other things";
    expect(counter.estimate(text)).toBeGreaterThan(estimateTokens(text) * 1.4);
  });

  it("forgets what another model's tokenizer said", async () => {
    const { counter } = counting(() => 3);
    await counter.learn(["一"], signal);
    counter.useModel("n");
    expect(counter.exact("一")).toBeNull();
  });

  it("passes on that the tokenizer cannot be asked", async () => {
    const counter = new TokenCounter(() => Promise.reject(new Error("offline")));
    await expect(counter.learn(["x"], signal)).rejects.toThrow("offline");
    expect(counter.count("x")).toBeGreaterThan(0);
  });
});

describe("textHash", () => {
  it("tells texts apart", () => {
    const texts = ["", "a", "b", "ab", "ba", "图1", "图2", "a".repeat(1000), `${"a".repeat(999)}b`];
    expect(new Set(texts.map(textHash)).size).toBe(texts.length);
    expect(textHash("图1")).toBe(textHash("图1"));
  });
});

describe("estimateTokens", () => {
  it.each([
    ["", 0],
    ["12345", 5],
    ["hello", 1],
    ["internationalization", 4],
    ["图片里有什么", 5],
  ])("%j", (text, tokens) => {
    expect(estimateTokens(text)).toBe(tokens);
  });
});
