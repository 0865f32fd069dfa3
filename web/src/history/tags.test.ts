import { describe, expect, it } from "vitest";
import type { Conversation } from "../store/records.ts";
import { countTags, hasTags, MAX_TAG_CHARS, MAX_TAGS, renamedTag, suggestTags, tagsIn, tidyTag, withoutTags, withTags } from "./tags.ts";

const tagged = (...tags: string[]): Conversation => ({
  ...{ id: "c", title: "", titled: false, createdMs: 0, updatedMs: 0, headId: null },
  tags,
});

describe("a tag", () => {
  it("is what was typed, tidied", () => {
    expect(tidyTag("  #客户  甲 ")).toBe("客户 甲");
    expect(tidyTag("＃双十一")).toBe("双十一");
    expect(tidyTag(" # ")).toBe("");
    expect([...tidyTag("👕".repeat(99))]).toHaveLength(MAX_TAG_CHARS);
  });

  it("ends at a comma, Chinese or not", () => {
    expect(tagsIn("a, b，c；d;, ,e")).toEqual(["a", "b", "c", "d", "e"]);
    expect(tagsIn("退货 换货")).toEqual(["退货 换货"]);
  });
});

describe("the tags of a conversation", () => {
  it("are never there twice, whatever the case, and are written as elsewhere", () => {
    expect(withTags(["Sale"], ["sale", "急", "急"])).toEqual(["Sale", "急"]);
    expect(withTags([], ["summer"], [{ tag: "Summer", count: 3 }])).toEqual(["Summer"]);
  });

  it("are not without end", () => {
    expect(withTags([], Array.from({ length: 99 }, (_, n) => `t${n}`))).toHaveLength(MAX_TAGS);
  });

  it("are taken off, and renamed in their place", () => {
    expect(withoutTags(["A", "b", "c"], ["a", "C"])).toEqual(["b"]);
    expect(renamedTag(["a", "b", "c"], "B", "x")).toEqual(["a", "x", "c"]);
    expect(renamedTag(["a", "b"], "a", "A")).toEqual(["A", "b"]);
    expect(renamedTag(["a", "b"], "a", "b")).toEqual(["b"]);
    expect(renamedTag(["b"], "a", "b")).toEqual(["b"]);
  });
});

describe("all tags", () => {
  const all = [tagged("a", "B"), tagged("b"), tagged("产品10", "产品9"), tagged()];

  it("are counted over spellings, the most used first", () => {
    expect(countTags(all)).toEqual([
      { tag: "B", count: 2 },
      { tag: "a", count: 1 },
      { tag: "产品9", count: 1 },
      { tag: "产品10", count: 1 },
    ]);
  });

  it("are looked for together", () => {
    expect(all.map((each) => hasTags(each, ["b"]))).toEqual([true, true, false, false]);
    expect(all.map((each) => hasTags(each, ["A", "B"]))).toEqual([true, false, false, false]);
    expect(hasTags({ ...tagged(), tags: [] }, [])).toBe(true);
  });

  it("are suggested: those that begin so, then those that hold it, none that is there", () => {
    const counts = countTags([tagged("red", "Dark red", "redo", "blue")]);
    expect(suggestTags(counts, ["blue"], "", 9)).toHaveLength(3);
    expect(suggestTags(counts, ["REDO"], "re", 9)).toEqual(["red", "Dark red"]);
    expect(suggestTags(counts, [], "re", 1)).toEqual(["red"]);
  });
});
