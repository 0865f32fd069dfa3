import type { ModelCard } from "../api/types.ts";
import type { Sampling } from "../store/records.ts";

/** Tokens that a send may hold unless the reader says otherwise. */
export const DEFAULT_LIMIT_TOKENS = 32_768;
export const LEAST_LIMIT_TOKENS = 1_024;
export const MOST_LIMIT_TOKENS = 262_144;

/** Room for the answer where `max_tokens` does not say: this share of the limit, within bounds. */
const ANSWER_SHARE = 0.25;
const ANSWER_MOST_TOKENS = 4_096;
/** However much `max_tokens` asks for, the question keeps this share. */
const QUESTION_SHARE = 0.5;
/** What an answer needs at least, when the question alone is almost too long. */
const ANSWER_LEAST_SHARE = 0.05;

export interface Budget {
  /** The guard's limit: prompt and answer together. */
  limitTokens: number;
  /** The engine's. */
  contextTokens: number;
  /** Kept free for the answer. */
  reservedTokens: number;
  /** What the prompt may have. */
  promptTokens: number;
  /** What it may have if the question does not fit otherwise. */
  mostPromptTokens: number;
}

/** limitTokens: the reader's setting. The engine's own limit counts if it is smaller. */
export function budgetOf(
  card: Pick<ModelCard, "context_tokens">,
  sampling: Sampling,
  limitTokens: number = DEFAULT_LIMIT_TOKENS,
): Budget {
  const contextTokens = card.context_tokens;
  const limit = Math.min(limitTokens, contextTokens);
  const wanted = sampling.max_tokens ?? Math.min(ANSWER_MOST_TOKENS, Math.floor(limit * ANSWER_SHARE));
  const reservedTokens = Math.min(wanted, Math.floor(limit * QUESTION_SHARE));
  return {
    limitTokens: limit,
    contextTokens,
    reservedTokens,
    promptTokens: limit - reservedTokens,
    mostPromptTokens: contextTokens - Math.min(reservedTokens, Math.ceil(contextTokens * ANSWER_LEAST_SHARE)),
  };
}
