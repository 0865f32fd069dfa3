import { newId } from "../store/ids.ts";
import type { Attempt, AttemptReason, Message, OutboxEntry, Sampling } from "../store/records.ts";

/** How much warmer the second attempt is, and how warm it gets at most. */
export const TEMPERATURE_STEP = 0.15;
export const MOST_TEMPERATURE = 1.2;

/** What a model that picks its likeliest token needs beside a temperature, so that it has a choice at all. */
const GREEDY_TOP_K = 20;

const MOST_SEED = 2 ** 31;

/** What the model uses where a request says nothing. */
export interface ModelSampling {
  temperature: number;
  top_k: number;
}

/** The sampling of a second attempt: a little warmer, with another seed. */
export function warmer(sampling: Sampling, model: ModelSampling | null, seed: number): Sampling & { temperature: number } {
  const base = sampling.temperature ?? model?.temperature ?? 0;
  const raised = Math.round((base + TEMPERATURE_STEP) * 100) / 100;
  const temperature = Math.max(base, Math.min(MOST_TEMPERATURE, raised));
  const greedy = (sampling.top_k ?? model?.top_k) === 1;
  return { ...sampling, temperature, seed, ...(greedy ? { top_k: GREEDY_TOP_K } : {}) };
}

export interface SecondTurn {
  /** The first answer, final. */
  first: Message;
  second: Message;
  entry: OutboxEntry;
}

/**
 * The same question once more, as a branch beside the first answer.
 *
 * first: as it is to be kept. entry: its send, whose recipe goes again.
 */
export function secondTurn(
  first: Message,
  entry: OutboxEntry,
  reason: AttemptReason,
  model: ModelSampling | null,
  nowMs = Date.now(),
  seed = Math.floor(Math.random() * MOST_SEED),
): SecondTurn {
  const sampling = warmer(entry.recipe.sampling, model, seed);
  const id = newId();
  const createdMs = Math.max(nowMs, first.createdMs + 1);
  const attempt = (which: Attempt["which"], otherId: string): Attempt => ({
    which,
    reason,
    temperature: sampling.temperature,
    otherId,
  });
  return {
    first: { ...first, attempt: attempt("first", id) },
    second: {
      ...first,
      id,
      createdMs,
      ...{ text: "", reasoning: "", status: "waiting", error: null },
      ...{ model: null, finishReason: null, usage: null, timing: null },
      attempt: attempt("second", first.id),
    },
    entry: {
      messageId: id,
      conversationId: entry.conversationId,
      idempotencyKey: newId(),
      recipe: { ...entry.recipe, sampling },
      createdMs,
      engineFailures: 0,
      cutOffs: 0,
      secondOf: first.id,
    },
  };
}
