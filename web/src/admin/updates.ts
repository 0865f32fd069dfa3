import type { UpdateStatus } from "./types.ts";

/** How fast bytes come, from looks at how many there are. */
export class Rate {
  /** Older looks say nothing about now. */
  static readonly WINDOW_MS = 8000;
  #looks: readonly { atMs: number; bytes: number }[] = [];

  /** What an update fetches, as one look shows it. Returns bytes a second; 0 while that is not known. */
  look(bytes: number, atMs: number): number {
    const last = this.#looks.at(-1);
    // Another update, or another part of it, begins at nothing again.
    const kept = last && bytes < last.bytes ? [] : this.#looks.filter((each) => atMs - each.atMs <= Rate.WINDOW_MS);
    this.#looks = [...kept, { atMs, bytes }];
    const first = this.#looks[0];
    const ms = first ? atMs - first.atMs : 0;
    return first && ms > 0 ? ((bytes - first.bytes) / ms) * 1000 : 0;
  }
}

/** What `models/progress` shows of a fetch. */
export function asFetch(status: UpdateStatus, rate: number) {
  const left = status.total_bytes - status.done_bytes;
  return {
    done_bytes: status.done_bytes,
    total_bytes: status.total_bytes,
    rate_bytes_per_s: rate,
    eta_s: rate > 0 && left > 0 ? left / rate : null,
  };
}

const STEPS = ["planned", "staging", "switching", "proving", "committed", "rolling_back", "rolled_back", "abandoned"] as const;

/** A step that this page has words for. */
export const stepOf = (step: string) => STEPS.find((known) => known === step) ?? null;

const NAMES = ["huiyan", "engine", "vision-encoder", "prompt-adapter"] as const;

/** A component that this page has a name for; tools have their own. */
export const knownName = (name: string) => NAMES.find((known) => known === name) ?? null;
