import { describe, expect, it } from "vitest";
import { message } from "../../tests/records.ts";
import type { ImageRef, Message } from "../store/records.ts";
import { budgetOf } from "./budget.ts";
import { cut } from "./cutter.ts";
import { planSend, type PlanInput } from "./plan.ts";

/** 640 x 640 pixels: 400 tokens. */
const picture = (sha256: string): ImageRef => ({ sha256, name: `${sha256}.png`, type: "image/png", sizeBytes: 1, width: 640, height: 640 });
const user = (id: string, text: string, images: string[] = [], change: Partial<Message> = {}) =>
  message({ id, role: "user", text, images: images.map(picture), ...change });
const answer = (id: string, text: string, change: Partial<Message> = {}) => message({ id, role: "assistant", text, ...change });

/** One token for each word or Chinese character. */
const count = (text: string) => text.match(/[a-z0-9]+|[^\sa-z0-9]/gi)?.length ?? 0;
const card = { id: "qwen", demo: false, context_tokens: 100_000, image_min_tokens: 1, image_max_tokens: 16_384 };
const LONG = "这张图片是一份商品说明，列出了品名、规格、价格和产地，共四行文字，字迹清晰可辨，右下角有一个红色印章，没有破损，也没有涂改的痕迹。";

function plan(path: Message[], limit: number, change: Partial<PlanInput> = {}) {
  return planSend({
    path,
    card,
    maxImages: 9,
    systemPrompt: "",
    sampling: { max_tokens: 100 },
    budget: budgetOf({ context_tokens: card.context_tokens }, { max_tokens: 100 }, limit),
    count,
    cut,
    known: () => null,
    olderPictures: "whenNeeded",
    shrunk: false,
    exact: () => true,
    ...change,
  });
}

const context = (result: ReturnType<typeof plan>) => {
  if (!result.sent.context) throw new Error("no ledger");
  return result.sent.context;
};

/** What the recipe really costs, counted anew. */
function cost({ recipe }: ReturnType<typeof plan>): number {
  const images = recipe.messages.reduce((sum, each) => sum + each.images.length, 0);
  return recipe.messages.reduce((sum, each) => sum + count(each.text) + 5, 3) + images * (400 + 2 + 8);
}

const talk = (turns: number, text = (i: number) => `问题${i}：${"字".repeat(40)}`) =>
  Array.from({ length: turns }, (_, i) => [user(`u${i}`, text(i)), answer(`a${i}`, `回答${i}：${"答".repeat(40)}`)]).flat();

describe("a conversation that fits", () => {
  it("goes along whole, and the ledger adds up", () => {
    const result = plan([...talk(3), user("q", "最后的问题", ["p"])], 10_000, { systemPrompt: "简短" });
    expect(result.recipe.messages.map((each) => each.role)).toEqual(["system", "user", "assistant", "user", "assistant", "user", "assistant", "user"]);
    const ledger = context(result);
    expect(ledger.tokens).toBe(cost(result));
    expect(ledger.rows.reduce((sum, row) => sum + row.tokens, 3)).toBe(ledger.tokens);
    expect(ledger.rows.map((row) => [row.part, row.act, row.count])).toEqual([
      ["system", "sent", 1],
      ["history", "sent", 6],
      ["question", "sent", 1],
    ]);
    expect(ledger).toMatchObject({ limitTokens: 10_000, reservedTokens: 100, exact: true, over: false, shrunk: false });
  });

  it("is the same plan for the same input", () => {
    const path = [...talk(20), user("q", "最后")];
    expect(plan(path, 900)).toEqual(plan(path, 900));
  });
});

describe("a conversation that is too long", () => {
  it("keeps system prompt, pinned messages and the question whole, and drops the oldest turns", () => {
    const path = talk(40);
    path[2] = { ...(path[2] as Message), pinned: true };
    const question = `${"很长的问题，请您帮我看一下，谢谢。".repeat(3)}`;
    const result = plan([...path, user("q", question)], 1200, { systemPrompt: "请你非常认真地回答，谢谢。" });
    const texts = result.recipe.messages.map((each) => each.text);
    expect(texts[0]).toBe("请你非常认真地回答，谢谢。");
    expect(texts).toContain((path[2] as Message).text);
    expect(texts.at(-1)).toBe(question);
    expect(texts.at(-2)).toBe((path.at(-1) as Message).text);
    expect(texts).not.toContain((path[0] as Message).text);
    const ledger = context(result);
    expect(ledger.tokens).toBe(cost(result));
    expect(ledger.tokens).toBeLessThanOrEqual(1100);
    expect(ledger.tokens).toBeGreaterThan(900);
    expect(ledger.rows.filter((row) => row.act === "leftOut").reduce((sum, row) => sum + row.count, 0)).toBe(result.sent.messagesLeftOut);
  });

  it("of any length is planned within the limit", () => {
    for (const turns of [10, 100, 1000]) {
      const result = plan([...talk(turns), user("q", "最后")], 2000);
      expect(context(result).tokens).toBeLessThanOrEqual(1900);
      expect(cost(result)).toBe(context(result).tokens);
    }
  });

  it("loses redundant phrasing before it loses turns, and says what", () => {
    const polite = (i: number) => `您好，麻烦您帮我看一下第${i}张发票，金额是${i}00元，不含税，谢谢您！`;
    const path = [...talk(8, polite), user("q", "合计多少？")];
    const whole = context(plan(path, 100_000)).tokens;
    const result = plan(path, whole - 20 + 100);
    expect(result.sent.messagesLeftOut).toBe(0);
    const rows = context(result).rows.filter((row) => row.act === "cut");
    expect(rows.length).toBeGreaterThan(0);
    expect(rows[0]?.messageId).toBe("u0");
    const first = result.recipe.messages[0]?.text ?? "";
    expect(first).toContain("0张发票，金额是000元，不含税");
    expect(first).not.toContain("麻烦您");
    const removed = (rows[0]?.removed ?? []).map(([start, end]) => polite(0).slice(start, end)).join("");
    expect(removed).toContain("麻烦您帮我");
    expect([...removed, ...first].sort().join("")).toBe([...polite(0)].sort().join(""));
    expect(result.recipe.messages.at(-3)?.text).toBe(polite(7));
  });

  it("goes on without the cutter", () => {
    const result = plan([...talk(40), user("q", "最后")], 1000, { cut: null });
    expect(cost(result)).toBeLessThanOrEqual(900);
  });
});

describe("older pictures", () => {
  const path = () => [
    user("u1", "看图", ["p1"]),
    answer("a1", LONG),
    user("u2", "再看", ["p2", "p3"]),
    answer("a2", LONG),
    user("q", "比较一下"),
  ];

  it("are sent as long as they fit", () => {
    expect(plan(path(), 5000).recipe.messages.flatMap((each) => each.images)).toEqual(["p1", "p2", "p3"]);
  });

  it("become words when the limit is reached, oldest first", () => {
    const result = plan(path(), 1300);
    expect(result.recipe.messages.map((each) => each.images)).toEqual([[], [], ["p2", "p3"], [], []]);
    expect(result.recipe.messages[0]?.text).toMatch(/图1 \/ Picture 1 \(p1\.png\): .*\n看图/);
    const row = context(result).rows[0];
    expect(row).toMatchObject({ act: "described", messageId: "u1", imagesDescribed: 1, images: 0 });
    expect(row?.savedTokens).toBeGreaterThan(300);
    expect(cost(result)).toBe(context(result).tokens);
  });

  it("become words at once where the reader wants that; the newest stay", () => {
    expect(plan(path(), 5000, { olderPictures: "always" }).recipe.messages.map((each) => each.images)).toEqual([[], [], ["p2", "p3"], [], []]);
  });

  it("become words beyond the number that the model takes", () => {
    const result = plan(path(), 5000, { maxImages: 2 });
    expect(result.recipe.messages.flatMap((each) => each.images)).toEqual(["p2", "p3"]);
    expect(result.sent).toMatchObject({ images: 2, imagesLeftOut: 1 });
  });

  it("that are pinned stay pictures", () => {
    const pinned = path();
    pinned[0] = { ...(pinned[0] as Message), pinned: true };
    const result = plan(pinned, 1500, { maxImages: 3, olderPictures: "always" });
    expect(result.recipe.messages[0]?.images).toEqual(["p1"]);
  });

  it("of a turn that is dropped leave their description", () => {
    const long = [user("u1", "看图", ["p1"]), answer("a1", LONG), ...talk(30), user("q", "最后")];
    const result = plan(long, 1500, { systemPrompt: "简短" });
    expect(result.recipe.messages[0]?.role).toBe("system");
    expect(result.recipe.messages[0]?.text).toMatch(/^简短\n\n[\s\S]*- p1\.png: 这张图片是一份商品说明/);
    expect(context(result).rows.find((row) => row.act === "condensed")).toMatchObject({ messageId: "u1", imagesDescribed: 1 });
    expect(cost(result)).toBeLessThanOrEqual(1400);
    expect(context(result).tokens).toBeGreaterThanOrEqual(cost(result) - 2);
  });

  it("with a short answer are represented by what was asked about them, if anything was", () => {
    const short = [user("u1", "价格？", ["p1"]), answer("a1", "12元"), user("u2", "再看", ["p2", "p3"]), answer("a2", LONG), user("q", "合计？")];
    const known = (sha256: string) => (sha256 === "p1" ? "一张写着12元的价签" : null);
    expect(plan(short, 1300, { known }).recipe.messages[0]?.text).toContain("一张写着12元的价签");
    expect(plan(short, 1300).recipe.messages[0]?.text).toContain("see the answer below");
  });

  it("are never put in words for the demo model", () => {
    const result = plan(path(), 5000, { card: { ...card, id: "nano", demo: true } });
    expect(result.recipe.messages.map((each) => each.text)).toEqual(["看图", LONG, "再看", LONG, "比较一下"]);
    expect(result.recipe.messages.flatMap((each) => each.images)).toEqual(["p2", "p3"]);
    expect(cost(result) - 16).toBe(context(result).tokens); // the demo model gets no labels
  });
});

describe("what may not be shortened", () => {
  it("is sent whole beyond the guard's limit while the engine can take it", () => {
    const question = "字".repeat(3000);
    const result = plan([...talk(5), user("q", question)], 1024);
    expect(result.recipe.messages.map((each) => each.text)).toEqual([question]);
    expect(context(result)).toMatchObject({ over: true });
  });

  it("gives way, oldest first, when the engine could not take it", () => {
    const path = talk(10).map((each) => ({ ...each, pinned: true }));
    const budget = budgetOf({ context_tokens: 600 }, {}, 32_768);
    const result = plan([...path, user("q", "最后")], 600, { budget });
    expect(cost(result)).toBeLessThanOrEqual(budget.mostPromptTokens);
    expect(result.recipe.messages.at(-1)?.text).toBe("最后");
  });

  it("is cut only when the engine has refused it", () => {
    const question = `请帮我看一下。${"请帮我看一下这张图。".repeat(60)}价格不是12元。`;
    const budget = { ...budgetOf({ context_tokens: 400 }, {}, 400), mostPromptTokens: 300 };
    expect(plan([user("q", question)], 400, { budget }).recipe.messages[0]?.text).toBe(question);
    const text = plan([user("q", question)], 400, { budget, shrunk: true }).recipe.messages[0]?.text ?? "";
    expect(text.length).toBeLessThan(question.length * 0.6);
    expect(text).toContain("不是12元");
  });
});
