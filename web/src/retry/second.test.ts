import { describe, expect, it } from "vitest";
import { message } from "../../tests/records.ts";
import type { OutboxEntry } from "../store/records.ts";
import { secondTurn, warmer } from "./second.ts";

const NANO = { temperature: 0, top_k: 1 };
const QWEN = { temperature: 0.7, top_k: 20 };

describe("warmer", () => {
  it("adds 0.15 to what the request says, else to what the model uses", () => {
    expect(warmer({ temperature: 0.3 }, QWEN, 1)).toEqual({ temperature: 0.45, seed: 1 });
    expect(warmer({}, QWEN, 2)).toEqual({ temperature: 0.85, seed: 2 });
    expect(warmer({ top_p: 0.5, max_tokens: 9 }, null, 3)).toEqual({ top_p: 0.5, max_tokens: 9, temperature: 0.15, seed: 3 });
  });

  it("stays within 1.2, and never gets colder", () => {
    expect(warmer({ temperature: 1.1 }, QWEN, 1).temperature).toBe(1.2);
    expect(warmer({ temperature: 1.2 }, QWEN, 1).temperature).toBe(1.2);
    expect(warmer({ temperature: 1.6 }, QWEN, 1).temperature).toBe(1.6);
  });

  it("gives a greedy model a choice: at top_k 1 a temperature changes nothing", () => {
    expect(warmer({}, NANO, 1)).toEqual({ temperature: 0.15, seed: 1, top_k: 20 });
  });
});

describe("secondTurn", () => {
  const entry: OutboxEntry = {
    messageId: "a",
    conversationId: "c",
    idempotencyKey: "k",
    recipe: { model: "m", messages: [{ role: "user", text: "q", images: ["p"] }], labelImages: true, sampling: { max_tokens: 5 } },
    createdMs: 10,
    engineFailures: 2,
    cutOffs: 1,
  };
  const first = message({ id: "a", role: "assistant", parentId: "q", text: "好", createdMs: 10, status: "done", model: "m" });

  it("is a branch beside the first answer that knows it, with the same request but for its sampling", () => {
    const turn = secondTurn(first, entry, "loop", QWEN, 5, 77);
    expect(turn.first).toMatchObject({ id: "a", text: "好", attempt: { which: "first", reason: "loop", temperature: 0.85, otherId: turn.second.id } });
    expect(turn.second).toMatchObject({
      ...{ parentId: "q", role: "assistant", text: "", status: "waiting", model: null, createdMs: 11 },
      attempt: { which: "second", reason: "loop", temperature: 0.85, otherId: "a" },
    });
    expect(turn.entry).toMatchObject({ messageId: turn.second.id, secondOf: "a", engineFailures: 0, cutOffs: 0 });
    expect(turn.entry.idempotencyKey).not.toBe("k");
    expect(turn.entry.recipe).toEqual({ ...entry.recipe, sampling: { max_tokens: 5, temperature: 0.85, seed: 77 } });
  });
});
