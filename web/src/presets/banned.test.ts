import { describe, expect, it } from "vitest";
import { findBanned, formatBanned, parseBanned, pieces } from "./banned.ts";
import { DEFAULT_BANNED } from "./banned_words.ts";

const words = (text: string) => findBanned(text, DEFAULT_BANNED).map((hit) => hit.found);

describe("the list that the page starts with", () => {
  it("has about sixty Chinese words and an English list", () => {
    const chinese = DEFAULT_BANNED.filter((entry) => /\p{Script=Han}/u.test(entry.word));
    expect(chinese.length).toBeGreaterThanOrEqual(60);
    expect(DEFAULT_BANNED.length - chinese.length).toBeGreaterThanOrEqual(30);
  });

  it("names each word once, and each exception holds its word", () => {
    const all = DEFAULT_BANNED.map((entry) => entry.word.toLowerCase());
    expect(new Set(all).size).toBe(all.length);
    for (const { word, except } of DEFAULT_BANNED) {
      for (const harmless of except) expect(harmless.toLowerCase()).toContain(word.toLowerCase());
    }
  });

  it("never suggests a word that is banned itself", () => {
    for (const { instead } of DEFAULT_BANNED) expect(words(instead)).toEqual([]);
  });

  it.each([
    ["这是最好的保温杯，销量第一，国家级品质，顶级享受", ["最好", "第一", "国家级", "顶级"]],
    ["全网最低价！最优惠的一次", ["全网最低", "最优惠"]],
    ["100%有效，绝对安全，永不褪色", ["100%", "绝对", "永不"]],
    ["史无前例的最先进工艺", ["史无前例", "最先进"]],
    ["NO.1品牌，Top1 销量冠军", ["NO.1", "Top1", "销量冠军"]],
    ["The BEST kettle, unbeatable and guaranteed.", ["BEST", "unbeatable", "guaranteed"]],
    ["A best selling, world class mug: #1 in homes", ["best selling", "world class", "#1"]],
  ])("finds what is in %j", (text, expected) => {
    expect(words(text)).toEqual(expected);
  });

  it.each([
    "第一步：撕开包装。第一次使用前请清洗，第二步再加热。",
    "最后加入清水，最近三年内购买，最终价格以页面为准。",
    "最好先用温水浸泡，最好不要放进微波炉。",
    "最大承重5kg，最高温度120℃，最小起订量10件。",
    "面料：100%棉 / 100% cotton；唯一编码见底部。",
    "Best before 2027-05. For best results, shake well. Best regards",
    "A bestowed honour; the onlyest word; guarantees vary; firstly, pour. 3D #12 #10",
    "万能胶一支，绝对湿度60%。",
  ])("lets %j pass", (text) => {
    expect(words(text)).toEqual([]);
  });

  it("finds a word beside one of its exceptions", () => {
    expect(words("第一步就让你用上销量第一的杯子")).toEqual(["第一"]);
    expect(words("最大承重5kg，市面上最大")).toEqual(["最大"]);
  });
});

describe("findBanned", () => {
  it("takes the longest of words that begin together and tells places", () => {
    const list = parseBanned("最低 → 较低\n最低价 → 实惠价");
    expect(findBanned("今天最低价", list)).toEqual([
      { start: 2, end: 5, found: "最低价", word: "最低价", instead: "实惠价" },
    ]);
  });

  it("treats signs of patterns as signs", () => {
    const list = parseBanned("a+b\n(x)\n.*");
    expect(findBanned("aab a+b (x) .*", list).map((hit) => hit.found)).toEqual(["a+b", "(x)", ".*"]);
  });

  it("finds nothing with an empty list or text", () => {
    expect(findBanned("最好", [])).toEqual([]);
    expect(findBanned("", DEFAULT_BANNED)).toEqual([]);
    expect(findBanned("x", [{ word: " ", instead: "", except: [] }])).toEqual([]);
  });

  it("cuts a text so that its pieces give it again", () => {
    const text = "最好的、顶级的第一步";
    const cut = pieces(text, findBanned(text, DEFAULT_BANNED));
    expect(cut.map((piece) => piece.text).join("")).toBe(text);
    expect(cut.filter((piece) => piece.hit).map((piece) => piece.text)).toEqual(["最好", "顶级"]);
  });
});

describe("the list as text", () => {
  it("is read as it was written", () => {
    expect(parseBanned(formatBanned(DEFAULT_BANNED))).toEqual(DEFAULT_BANNED);
  });

  it("is read as people type it", () => {
    expect(parseBanned("最牛=很好\n\n  爆款  \n赛高 => 不错 ｜ 赛高峰，赛高原\n")).toEqual([
      { word: "最牛", instead: "很好", except: [] },
      { word: "爆款", instead: "", except: [] },
      { word: "赛高", instead: "不错", except: ["赛高峰", "赛高原"] },
    ]);
  });
});
