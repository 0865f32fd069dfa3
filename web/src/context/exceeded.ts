import type { Budget } from "./budget.ts";

/** What an engine said when a request was too long for it. */
export interface Exceeded {
  /** Of the prompt, as the engine counted it. */
  promptTokens: number | null;
  /** The engine's limit. */
  contextTokens: number | null;
}

const numberIn = (match: RegExpExecArray | null): number | null =>
  match?.[1] === undefined ? null : Number(match[1].replace(/[,_]/g, ""));

/** Read the words of llama.cpp and vLLM. */
export function readExceeded(message: string): Exceeded {
  return {
    promptTokens: numberIn(
      /\((\d[\d,_]*) in the messages/.exec(message) ??
        /(?:request|prompt|input)[^()\d]*\(?(\d[\d,_]*)\s*(?:input )?tokens/i.exec(message) ??
        /(?:requested|has|contains) (?:about )?(\d[\d,_]*) (?:input |prompt )?tokens/i.exec(message),
    ),
    contextTokens: numberIn(
      /context (?:size|length|window)(?: of| is)?[^\d]{0,4}(\d[\d,_]*)/i.exec(message) ??
        /(\d[\d,_]*)[^\d]{0,12}context/i.exec(message),
    ),
  };
}

/** Without a figure to go by: this share of what was planned. */
const BLIND_SHARE = 0.6;
const MARGIN = 0.95;

/**
 * The budget for the second and last try: below the engine's limit by as much as the first count was wrong.
 *
 * planned: tokens of the first try as they were counted here.
 */
export function shrunkBudget(budget: Budget, planned: number, said: Exceeded): Budget {
  const context = Math.min(budget.contextTokens, said.contextTokens ?? budget.contextTokens);
  const reserved = Math.min(budget.reservedTokens, Math.floor(context / 4));
  const known = said.promptTokens !== null && said.contextTokens !== null && said.promptTokens > 0;
  const error = known ? Math.max(1, (said.promptTokens as number) / Math.max(1, planned)) : 1;
  const within = known ? (context - reserved) / error : Math.min(context - reserved, planned) * BLIND_SHARE;
  const promptTokens = Math.max(1, Math.floor(within * MARGIN));
  return { ...budget, contextTokens: context, limitTokens: Math.min(budget.limitTokens, context), reservedTokens: reserved, promptTokens, mostPromptTokens: promptTokens };
}
