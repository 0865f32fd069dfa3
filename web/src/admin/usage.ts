import type { UsageEntry } from "./types.ts";

export const COUNTS = [
  "requests",
  "prompt_tokens",
  "completion_tokens",
  "images",
  "received_bytes",
  "sent_bytes",
  "errors",
] as const satisfies (keyof UsageEntry)[];
export type Count = (typeof COUNTS)[number];

/** What the chart can show. */
export const MEASURES = ["requests", "tokens", "images", "errors"] as const;
export type Measure = (typeof MEASURES)[number];

export interface DayTotal {
  day: string;
  value: number;
}

const DAY_MS = 86_400_000;

const valueOf = (entry: UsageEntry, measure: Measure): number =>
  measure === "tokens" ? entry.prompt_tokens + entry.completion_tokens : entry[measure];

/** Every day from `sinceDay` to `today` (YYYY-MM-DD), those without any use included. Pure. */
export function perDay(entries: readonly UsageEntry[], measure: Measure, sinceDay: string, today: string): DayTotal[] {
  const sums = new Map<string, number>();
  for (const entry of entries) sums.set(entry.day, (sums.get(entry.day) ?? 0) + valueOf(entry, measure));
  const days: DayTotal[] = [];
  for (let at = Date.parse(sinceDay); at <= Date.parse(today); at += DAY_MS) {
    const day = new Date(at).toISOString().slice(0, 10);
    days.push({ day, value: sums.get(day) ?? 0 });
  }
  return days;
}

/** The sum of each count. Pure. */
export function totals(entries: readonly UsageEntry[]): Record<Count, number> {
  const sums = Object.fromEntries(COUNTS.map((count) => [count, 0])) as Record<Count, number>;
  for (const entry of entries) for (const count of COUNTS) sums[count] += entry[count];
  return sums;
}

/** A round number at or above `most`, for the top of the chart. Pure. */
export function roundUp(most: number): number {
  if (most <= 1) return 1;
  const unit = 10 ** Math.floor(Math.log10(most));
  return ([1, 2, 3, 4, 5, 6, 8, 10].find((step) => step * unit >= most) ?? 10) * unit;
}
