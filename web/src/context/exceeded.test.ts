import { describe, expect, it } from "vitest";
import { budgetOf } from "./budget.ts";
import { readExceeded, shrunkBudget } from "./exceeded.ts";

const LLAMA = "request (5210 tokens) exceeds the available context size (4096 tokens), try increasing it";
const VLLM =
  "This model's maximum context length is 16384 tokens. However, you requested 20000 tokens (18976 in the messages, 1024 in the completion). Please reduce the length of the messages or completion.";
const VLLM_SHORT = "This model's maximum context length is 8192 tokens. However, your request has 9001 input tokens. Please reduce the length of the input messages.";

describe("what an engine says", () => {
  it.each([
    [LLAMA, { promptTokens: 5210, contextTokens: 4096 }],
    [VLLM, { promptTokens: 18976, contextTokens: 16384 }],
    [VLLM_SHORT, { promptTokens: 9001, contextTokens: 8192 }],
    ["too long", { promptTokens: null, contextTokens: null }],
  ])("%s", (message, expected) => {
    expect(readExceeded(message)).toEqual(expected);
  });
});

describe("the budget for the second try", () => {
  const budget = budgetOf({ context_tokens: 4096 }, {}, 32_768);

  it("corrects the first count by what the engine counted", () => {
    // Counted 3,000 and was 6,000: half of what fits by our own count.
    const next = shrunkBudget(budget, 3000, { promptTokens: 6000, contextTokens: 4096 });
    expect(next.promptTokens * 2).toBeLessThan(4096 - next.reservedTokens);
    expect(next.promptTokens * 2).toBeGreaterThan((4096 - next.reservedTokens) * 0.9);
  });

  it("knows the engine's real limit from then on", () => {
    const next = shrunkBudget(budget, 3000, { promptTokens: 3000, contextTokens: 2048 });
    expect(next.contextTokens).toBe(2048);
    expect(next.promptTokens).toBeLessThan(2048);
  });

  it("takes a good part away where the engine gives no figures", () => {
    const next = shrunkBudget(budget, 3000, { promptTokens: null, contextTokens: null });
    expect(next.promptTokens).toBeLessThan(3000 * 0.65);
    expect(next.promptTokens).toBeGreaterThan(1000);
  });
});
