import type { AttemptReason } from "../store/records.ts";
import type { LoopDetector } from "./loop.ts";

interface Growing {
  text: string;
  reasoning: string;
}

/** What is wrong with an answer, and what of it is worth keeping. */
export interface Fault extends Growing {
  reason: AttemptReason;
}

interface Detectors {
  text: LoopDetector;
  reasoning: LoopDetector;
}

/** Fetched apart: it is needed only once an answer is there. */
let detectorClass: typeof LoopDetector | null = null;
async function loadDetector(): Promise<void> {
  detectorClass ??= (await import("./loop.ts")).LoopDetector;
}

/** An answer was left without words for a reason that asking again does not change. */
const MEANT = new Set(["length", "content_filter", "tool_calls"]);

/** Looks at one answer while it is written. A new one for each reading of it. */
export class AnswerWatch {
  #detectors: Detectors | null = null;
  readonly #loading: Promise<void>;

  constructor() {
    // Without the detector the answer is simply not watched.
    this.#loading = loadDetector().catch(() => undefined);
  }

  /** The answer as far as it has come. Returns what is wrong with it as soon as that is sure. */
  follow({ text, reasoning }: Growing): Fault | null {
    if (!this.#detectors) {
      if (!detectorClass) return null;
      this.#detectors = { text: new detectorClass(), reasoning: new detectorClass() };
    }
    const inText = this.#detectors.text.follow(text);
    if (inText) return { reason: "loop", text: text.slice(0, inText.keepChars), reasoning };
    const inReasoning = text === "" ? this.#detectors.reasoning.follow(reasoning) : null;
    return inReasoning ? { reason: "loop", text, reasoning: reasoning.slice(0, inReasoning.keepChars) } : null;
  }

  /** The answer is whole. */
  async end(answer: Growing & { finishReason: string | null }): Promise<Fault | null> {
    const { text, reasoning, finishReason } = answer;
    await this.#loading;
    const found = this.follow(answer);
    if (found) return found;
    const loop = this.#detectors?.text.end();
    if (loop) return { reason: "loop", text: text.slice(0, loop.keepChars), reasoning };
    if (text.trim() === "" && !MEANT.has(finishReason ?? "")) return { reason: "empty", text: "", reasoning };
    return null;
  }
}
