import { describe, expect, it } from "vitest";
import { imageNamed, message } from "../../tests/records.ts";
import type { Message } from "../store/records.ts";
import { buildRecipe } from "./recipe.ts";

const user = (id: string, text: string, ...images: string[]) =>
  message({ id, role: "user", text, images: images.map(imageNamed) });
const answer = (id: string, text: string, change: Partial<Message> = {}) =>
  message({ id, role: "assistant", text, ...change });

const real = { id: "qwen3-vl", demo: false };
const demo = { id: "nano", demo: true };
const build = (path: Message[], card = real, maxImages = 9, systemPrompt = "") =>
  buildRecipe({ path, card, maxImages, systemPrompt, sampling: { temperature: 0.2 } });

describe("buildRecipe", () => {
  it("sends every turn with its pictures, and the system prompt first", () => {
    const { recipe, sent } = build([user("1", "看", "a", "b"), answer("2", "好"), user("3", "再看", "c")], real, 9, "简短");
    expect(recipe).toEqual({
      model: "qwen3-vl",
      labelImages: true,
      sampling: { temperature: 0.2 },
      messages: [
        { role: "system", text: "简短", images: [] },
        { role: "user", text: "看", images: ["a", "b"] },
        { role: "assistant", text: "好", images: [] },
        { role: "user", text: "再看", images: ["c"] },
      ],
    });
    expect(sent).toEqual({ demo: false, messages: 3, messagesLeftOut: 0, images: 3, imagesLeftOut: 0 });
  });

  it("gives way with older pictures first, a message's pictures together", () => {
    const path = [user("1", "x", "a"), answer("2", "y"), user("3", "x", "b", "c"), answer("4", "y"), user("5", "x", "d", "e")];
    const { recipe, sent } = build(path, real, 3);
    expect(recipe.messages.map((each) => each.images)).toEqual([[], [], [], [], ["d", "e"]]);
    expect(sent.imagesLeftOut).toBe(3);
  });

  it("takes what fits of the question itself", () => {
    expect(build([user("1", "x", "a", "b")], real, 1).recipe.messages[0]?.images).toEqual(["a"]);
  });

  it("leaves out turns that failed: their pictures would fail again", () => {
    const path = [
      user("1", "broken", "bad"),
      answer("2", "", { status: "error" }),
      user("3", "stopped", "ok"),
      answer("4", "half", { status: "stopped" }),
      user("5", "now"),
    ];
    expect(build(path).recipe.messages.map((each) => each.text)).toEqual(["stopped", "half", "now"]);
  });

  it("sends the demo model a few messages and the newest pictures only, without labels", () => {
    const path: Message[] = [];
    for (let turn = 0; turn < 5; turn++) path.push(user(`u${turn}`, `q${turn}`, `i${turn}`), answer(`a${turn}`, `r${turn}`));
    path.push(user("last", "follow-up"));
    const { recipe, sent } = build(path, demo);
    expect(recipe.messages.map((each) => each.text)).toEqual(["q3", "r3", "q4", "r4", "follow-up"]);
    expect(recipe.messages.flatMap((each) => each.images)).toEqual(["i4"]);
    expect(recipe.labelImages).toBe(false);
    expect(sent).toEqual({ demo: true, messages: 5, messagesLeftOut: 6, images: 1, imagesLeftOut: 4 });
  });

  it("starts the demo model's history with a question, not in the middle of a turn", () => {
    const path = [user("1", "q1"), answer("2", "r1"), answer("3", "r1b"), user("4", "q2"), answer("5", "r2"), user("6", "q3")];
    expect(build(path, demo).recipe.messages[0]?.role).toBe("user");
  });

  it("wants a question at the end", () => {
    expect(() => build([user("1", "q"), answer("2", "r")])).toThrow();
  });
});
