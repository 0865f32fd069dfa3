import { describe, expect, it } from "vitest";
import { similarity, wordDiff, wordsOf, type DiffPart } from "./diff.ts";

const only = (parts: DiffPart[], ...kinds: DiffPart["kind"][]) =>
  parts
    .filter((part) => kinds.includes(part.kind))
    .map((part) => part.text)
    .join("");

const brief = (parts: DiffPart[]) =>
  parts.map(({ kind, text }) => (kind === "same" ? text : kind === "removed" ? `[-${text}-]` : `[+${text}+]`)).join("");

/** Mulberry32: the same numbers in each run. */
function numbers(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe("wordDiff", () => {
  it("goes by words in English", () => {
    expect(brief(wordDiff("a warm red mug for tea", "a large red mug for coffee"))).toBe(
      "a [-warm-][+large+] red mug for [-tea-][+coffee+]",
    );
  });

  it("goes by words in Chinese where the browser knows them", () => {
    expect(wordsOf("我喜欢红茶")).toContain("喜欢");
    expect(brief(wordDiff("我们 喜欢 红茶", "我们 讨厌 红茶"))).toBe("我们 [-喜欢-][+讨厌+] 红茶");
  });

  it("goes by characters in Chinese where it does not", () => {
    expect(brief(wordDiff("很轻便 a new mug", "很轻巧 a mug", null))).toBe("很轻[-便-][+巧+] a[- new-] mug");
  });

  it("knows equal, empty and entirely different texts", () => {
    expect(wordDiff("同样", "同样")).toEqual([{ kind: "same", text: "同样" }]);
    expect(wordDiff("", "")).toEqual([]);
    expect(wordDiff("", "新")).toEqual([{ kind: "added", text: "新" }]);
    expect(wordDiff("旧", "")).toEqual([{ kind: "removed", text: "旧" }]);
    expect(similarity(wordDiff("a", "b"))).toBe(0);
    expect(similarity(wordDiff("x y", "x y"))).toBe(1);
    expect(similarity([])).toBe(1);
  });

  it.each([null, undefined])("always holds both texts whole (segmenter %s)", (words) => {
    const random = numbers(20_26);
    const alphabet = ["保温", "杯", "轻", " ", "\n", "red", "mug", "，", "1", "👍"];
    const text = () => Array.from({ length: Math.floor(random() * 40) }, () => alphabet[Math.floor(random() * 10)]).join("");
    for (let round = 0; round < 300; round++) {
      const [before, after] = [text(), text()];
      const parts = wordDiff(before, after, words);
      expect(only(parts, "same", "removed")).toBe(before);
      expect(only(parts, "same", "added")).toBe(after);
    }
  });

  it("finds the shortest way for short texts", () => {
    const random = numbers(7);
    const letters = () => Array.from({ length: Math.floor(random() * 9) }, () => "abc"[Math.floor(random() * 3)]);
    for (let round = 0; round < 300; round++) {
      const [a, b] = [letters(), letters()];
      const parts = wordDiff(a.join(" "), b.join(" "), null);
      const changed = only(parts, "removed", "added").length;
      expect(changed).toBe(shortest(a.join(" ").match(/\w|\s+/g) ?? [], b.join(" ").match(/\w|\s+/g) ?? []));
    }
  });

  it("ends with texts that have nothing in common", () => {
    const before = Array.from({ length: 3000 }, (_, n) => `a${n}`).join(" ");
    const after = Array.from({ length: 3000 }, (_, n) => `b${n}`).join("\t");
    const parts = wordDiff(before, after);
    expect(only(parts, "same", "removed")).toBe(before);
    expect(only(parts, "same", "added")).toBe(after);
  });
});

/** Characters removed and added, by dynamic programming over single-character words. */
function shortest(a: string[], b: string[]): number {
  const table = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
  for (let i = 1; i <= a.length; i++)
    for (let j = 1; j <= b.length; j++)
      (table[i] as number[])[j] =
        a[i - 1] === b[j - 1]
          ? ((table[i - 1] as number[])[j - 1] as number) + 1
          : Math.max((table[i - 1] as number[])[j] as number, (table[i] as number[])[j - 1] as number);
  return a.length + b.length - 2 * ((table[a.length] as number[])[b.length] as number);
}

describe("wordsOf", () => {
  it("joins to the text again", () => {
    const text = "第1步：pour 300ml…\n\n**Done** 👨‍👩‍👧";
    expect(wordsOf(text).join("")).toBe(text);
    expect(wordsOf(text, null).join("")).toBe(text);
  });
});
