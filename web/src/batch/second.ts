import { warmer, type ModelSampling } from "../retry/second.ts";
import type { Fault } from "../retry/watch.ts";
import { newId } from "../store/ids.ts";
import type { MessageError } from "../store/records.ts";
import type { BatchRow, RowAttempt } from "./records.ts";

const MOST_SEED = 2 ** 31;

export const EMPTY_ANSWER: MessageError = {
  status: 0,
  message: "",
  type: "page_error",
  code: "empty_answer",
  param: null,
  request_id: "",
  hint: "",
};

/** The same row once more: a little warmer, with another seed; what is good of the first answer is kept. */
export function askedAgain(
  row: BatchRow,
  fault: Fault,
  model: ModelSampling | null,
  seed = Math.floor(Math.random() * MOST_SEED),
): Partial<BatchRow> {
  if (!row.recipe) return {};
  const sampling = warmer(row.recipe.sampling, model, seed);
  return {
    recipe: { ...row.recipe, sampling },
    idempotencyKey: newId(),
    engineFailures: 0,
    cutOffs: 0,
    attempt: {
      reason: fault.reason,
      temperature: sampling.temperature,
      shown: "second",
      other: { answer: fault.text, edits: {} },
    },
  };
}

/** The second answer is no better: what is good of it stays, and it is not asked a third time. */
export function asFaulty(attempt: RowAttempt, fault: Fault): Partial<BatchRow> {
  const noted = { ...attempt, failed: fault.reason };
  if (fault.text.trim() === "") return { status: "error", error: EMPTY_ANSWER, attempt: noted };
  return { status: "done", answer: fault.text, error: null, attempt: noted };
}

/** The other answer in the place of this one, each with what the reader made of it. Null: there is no other. */
export function swapped({ status, answer, edits, error, attempt }: BatchRow): Partial<BatchRow> | null {
  if (!attempt || status === "queued" || status === "sending") return null;
  const empty = attempt.other.answer.trim() === "";
  return {
    answer: attempt.other.answer,
    edits: attempt.other.edits,
    status: empty ? "error" : "done",
    // Of an answer that failed for another reason nothing but the reason is left.
    error: empty ? (error ?? EMPTY_ANSWER) : null,
    attempt: { ...attempt, shown: attempt.shown === "first" ? "second" : "first", other: { answer, edits } },
  };
}
