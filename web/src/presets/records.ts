import type { Sampling } from "../store/records.ts";
import type { BannedWord } from "./banned.ts";

/**
 * chars: characters as a reader counts them, without line breaks. words: English words, a Chinese
 * character counts as one. width: Chinese characters count one and half-width ones half, as Chinese shops
 * limit titles.
 */
export type CountUnit = "chars" | "words" | "width";

/** One part of an answer, for example the title. */
export interface PresetField {
  /** Within its preset; names the column of a batch sheet. */
  id: string;
  /** As it stands in the answer, and above the part. */
  label: string;
  /** Other names under which a model may give it. */
  aliases: string[];
  /** Null: no limit. */
  max: number | null;
  unit: CountUnit;
}

/** A `{{name}}` of the template with what it is unless the reader says otherwise. */
export interface PresetVariable {
  name: string;
  label: string;
  value: string;
}

/**
 * text: the answer as it comes. fields: asked for as 【label】 lines. json: the template asks for JSON itself.
 * schema: JSON that the engine is held to, with the fields' labels as its keys.
 */
export type PresetOutput = "text" | "fields" | "json" | "schema";

/** A question to be asked again and again about other pictures. */
export interface Preset {
  id: string;
  name: string;
  /** The prompt, with `{{name}}` for each variable. */
  template: string;
  variables: PresetVariable[];
  output: PresetOutput;
  fields: PresetField[];
  /** Empty: the reader's own. */
  systemPrompt: string;
  sampling: Sampling;
  /** Look for words that advertising must not use. */
  checkBanned: boolean;
}

/** The preset as it was used: kept with the question, so that later edits of the preset change nothing. */
export interface PresetUse {
  id: string;
  name: string;
  /** What the variables were set to, in the template's order. */
  values: { label: string; value: string }[];
  /** What the reader added to it. */
  extra: string;
  fields: PresetField[];
  systemPrompt: string;
  sampling: Sampling;
  checkBanned: boolean;
}

/** Own presets, and changes of built-in ones (which keep the id). */
export interface StoredPreset extends Preset {
  updatedMs: number;
  /** A built-in one that the reader took away. */
  hidden: boolean;
}

/** A list of words as the reader changed it. */
export interface WordList {
  id: "banned";
  words: BannedWord[];
}
