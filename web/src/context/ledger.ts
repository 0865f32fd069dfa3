import type { Span } from "./cutter.ts";

/**
 * What became of a message. sent: whole. cut: without redundant phrasing. described: its pictures are
 * represented by words. condensed: only the description of its pictures went along. leftOut: nothing did.
 */
export type LedgerAct = "sent" | "cut" | "described" | "condensed" | "leftOut";

export interface LedgerRow {
  part: "system" | "notes" | "history" | "question";
  act: LedgerAct;
  /** Messages that this row stands for; neighbours that fared alike share one. */
  count: number;
  /** The first of them. */
  messageId: string | null;
  role: "user" | "assistant" | null;
  pinned: boolean;
  /** What it cost: text, pictures and what the chat template adds. */
  tokens: number;
  /** What it would have cost more. */
  savedTokens: number;
  /** Pictures sent as pictures, and what they cost. */
  images: number;
  imageTokens: number;
  /** Pictures that words stood for, and those of which nothing went along. */
  imagesDescribed: number;
  imagesLeftOut: number;
  /** What was cut out of the message's text. */
  removed?: Span[];
  /** The words that stood for its pictures. */
  description?: string;
}

/** What a send contained, and what it cost. Tokens as they were counted before sending. */
export interface ContextLedger {
  /** The guard's limit, prompt and answer together; the engine's limit. */
  limitTokens: number;
  contextTokens: number;
  /** Of the limit, kept free for the answer. */
  reservedTokens: number;
  tokens: number;
  /** Every text was counted by the engine's own tokenizer. */
  exact: boolean;
  /** What may not be shortened is longer than the limit by itself. */
  over: boolean;
  /** The engine found it too long all the same, so it was shortened once more. */
  shrunk: boolean;
  rows: LedgerRow[];
}

const ADDED = ["count", "tokens", "savedTokens", "images", "imageTokens", "imagesDescribed", "imagesLeftOut"] as const;

/** Rows of neighbours of which there is nothing to tell one by one become one. */
export function joinRows(rows: readonly LedgerRow[]): LedgerRow[] {
  const joined: LedgerRow[] = [];
  for (const row of rows) {
    const last = joined.at(-1);
    const alike =
      last?.part === "history" &&
      row.part === "history" &&
      last.act === row.act &&
      (row.act === "leftOut" || (row.act === "sent" && !last.pinned && !row.pinned && last.images + row.images === 0));
    if (!alike) {
      joined.push({ ...row });
      continue;
    }
    for (const key of ADDED) last[key] += row[key];
    last.role = null;
    last.pinned = last.pinned || row.pinned;
  }
  return joined;
}
