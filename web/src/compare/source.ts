/** What is asked in two ways: what stands in the composer, or the question of an answer that is there. */
export interface CompareSource {
  answerId: string | null;
}

export type Side = "A" | "B";

/** One of the two ways, as it stands in the form. */
export interface Way {
  text: string;
  systemPrompt: string;
  /** As typed; empty: the model's own. */
  temperature: string;
}

export const sameWay = (a: Way, b: Way) =>
  a.text.trim() === b.text.trim() &&
  a.systemPrompt.trim() === b.systemPrompt.trim() &&
  a.temperature.trim() === b.temperature.trim();
