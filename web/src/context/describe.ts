import type { Message } from "../store/records.ts";
import { estimateTokens } from "./tokens.ts";

/** An answer shorter than this says too little about its pictures. */
export const LEAST_DESCRIPTION_CHARS = 40;

/** A description that stands alone for a turn's pictures is at most this long. */
const MOST_DESCRIPTION_TOKENS = 160;

/** What is known of a picture in words, by its hash. Null: nothing yet. */
export type KnownDescription = (sha256: string) => string | null;

const name = (n: number) => `图${n} / Picture ${n}`;

/** The first sentences of `text`, as many as fit. */
export function shortened(text: string, mostTokens = MOST_DESCRIPTION_TOKENS): string {
  const whole = text.trim().replace(/\s*\n\s*/g, " ");
  if (estimateTokens(whole) <= mostTokens) return whole;
  let kept = "";
  for (const sentence of whole.match(/[^。！？!?；;]*?(?:[。！？!?；;]+|\.(?=\s)|$)\s*/g) ?? []) {
    if (estimateTokens(kept + sentence) > mostTokens) break;
    kept += sentence;
  }
  if (kept.trim() === "") {
    kept = whole;
    while (estimateTokens(kept) > mostTokens) kept = kept.slice(0, Math.floor(kept.length * 0.8));
  }
  return `${kept.trim()}…`;
}

/** Whether `answer` says enough to stand for the pictures that it is about. */
export const describes = (answer: Message | undefined): boolean =>
  answer !== undefined && answer.text.trim().length >= LEAST_DESCRIPTION_CHARS;

/** Stands before a question whose pictures are not sent again, while its answer still follows. */
export function placeholder(message: Message, answer: Message | undefined, known: KnownDescription): string {
  const told = describes(answer);
  const lines = message.images.map((image, index) => {
    const description = told ? null : known(image.sha256);
    const words = description ?? "不再附上，见下文回答 / not attached again, see the answer below";
    return `[${name(index + 1)} (${image.label ?? image.name}): ${words}]`;
  });
  return lines.join("\n");
}

/** All that is left of a turn with pictures. Null: nothing is known of them. */
export function note(message: Message, answer: Message | undefined, known: KnownDescription): string | null {
  const names = message.images.map((image) => image.label ?? image.name).join(", ");
  if (describes(answer)) return `- ${names}: ${shortened((answer as Message).text)}`;
  const single = message.images.flatMap((image) => {
    const description = known(image.sha256);
    return description === null ? [] : [`- ${image.label ?? image.name}: ${shortened(description)}`];
  });
  if (single.length > 0) return single.join("\n");
  return answer && answer.text.trim() !== "" ? `- ${names}: ${answer.text.trim()}` : null;
}

/** Goes before the notes, in the system message. */
export const NOTES_HEADING = "此前的图片（不再附上，以文字代替）/ Earlier pictures, now in words:";
