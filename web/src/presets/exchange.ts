import type { Sampling } from "../store/records.ts";
import type { BannedWord } from "./banned.ts";
import type { CountUnit, Preset, PresetField, PresetOutput, PresetVariable } from "./records.ts";
import { variablesOf } from "./template.ts";

const FORMAT = "huiyan-presets";
const VERSION = 1;

export interface PresetFile {
  presets: Preset[];
  /** Absent: the file says nothing about words. */
  bannedWords?: BannedWord[];
}

/** The file is no file of presets. */
export class NotPresets extends Error {
  override readonly name = "NotPresets";
}

export function writePresets({ presets, bannedWords }: PresetFile): string {
  const plain = presets.map(readPreset).filter((preset) => preset !== null); // only what belongs to a preset
  const words = bannedWords ? { banned_words: bannedWords } : {};
  return `${JSON.stringify({ format: FORMAT, version: VERSION, presets: plain, ...words }, null, 2)}\n`;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const text = (value: unknown) => (typeof value === "string" ? value : "");
const list = (value: unknown): unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);
const oneOf = <T extends string>(value: unknown, options: readonly T[], otherwise: T): T =>
  options.find((option) => option === value) ?? otherwise;

function readField(value: unknown, index: number): PresetField | null {
  if (!isRecord(value) || text(value["label"]).trim() === "") return null;
  const max = value["max"];
  return {
    id: text(value["id"]) || `field${index + 1}`,
    label: text(value["label"]).trim(),
    aliases: list(value["aliases"]).map(text).filter(Boolean),
    max: typeof max === "number" && max >= 1 ? Math.round(max) : null,
    unit: oneOf<CountUnit>(value["unit"], ["chars", "words", "width"], "chars"),
  };
}

function readVariable(value: unknown): PresetVariable | null {
  if (!isRecord(value) || text(value["name"]) === "") return null;
  return { name: text(value["name"]), label: text(value["label"]) || text(value["name"]), value: text(value["value"]) };
}

function readSampling(value: unknown): Sampling {
  if (!isRecord(value)) return {};
  const within = (name: string, low: number, high: number) => {
    const number = value[name];
    return typeof number === "number" && number >= low && number <= high ? { [name]: number } : {};
  };
  return { ...within("temperature", 0, 2), ...within("top_p", 0, 1), ...within("max_tokens", 1, 1_000_000) };
}

/** Ids have to differ: they name columns. */
function unique(fields: PresetField[]): PresetField[] {
  const taken = new Set<string>();
  return fields.map((field, index) => {
    const id = taken.has(field.id) ? `${field.id}_${index + 1}` : field.id;
    taken.add(id);
    return { ...field, id };
  });
}

/** A preset out of anything. Null: it has no name or no template. */
export function readPreset(value: unknown): Preset | null {
  if (!isRecord(value)) return null;
  const name = text(value["name"]).trim();
  const template = text(value["template"]).trim();
  if (name === "" || template === "") return null;
  const variables = list(value["variables"]).map(readVariable).filter((variable) => variable !== null);
  return {
    id: text(value["id"]),
    name,
    template,
    variables: variablesOf(template, variables),
    output: oneOf<PresetOutput>(value["output"], ["text", "fields", "json", "schema"], "text"),
    fields: unique(list(value["fields"]).map(readField).filter((field) => field !== null)),
    systemPrompt: text(value["systemPrompt"]),
    sampling: readSampling(value["sampling"]),
    checkBanned: value["checkBanned"] === true,
  };
}

function readWord(value: unknown): BannedWord | null {
  if (typeof value === "string" && value.trim() !== "") return { word: value.trim(), instead: "", except: [] };
  if (!isRecord(value) || text(value["word"]).trim() === "") return null;
  const except = list(value["except"]).map(text).filter(Boolean);
  return { word: text(value["word"]).trim(), instead: text(value["instead"]), except };
}

/** Read what `writePresets` wrote, or what somebody wrote by hand. Throws: NotPresets. */
export function readPresets(json: string): PresetFile {
  let raw: unknown;
  try {
    raw = JSON.parse(json);
  } catch (cause) {
    throw new NotPresets("the file is not JSON", { cause });
  }
  const source = Array.isArray(raw) ? { presets: raw } : raw;
  if (!isRecord(source)) throw new NotPresets("the file holds no presets");
  const presets = list(source["presets"]).map(readPreset).filter((preset) => preset !== null);
  const words = source["banned_words"];
  if (presets.length === 0 && !Array.isArray(words)) throw new NotPresets("the file holds no presets");
  if (!Array.isArray(words)) return { presets };
  return { presets, bannedWords: words.map(readWord).filter((word) => word !== null) };
}
