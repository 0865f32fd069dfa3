import type { Key } from "../i18n/i18n.svelte.ts";
import type { ImageRef } from "../store/records.ts";
import type { Field } from "./fields.ts";

/** A file that was chosen: a picture of the strip, or one from the disk. */
export type Given = { kind: "strip"; image: ImageRef } | { kind: "disk"; file: File };

export type Value = string | boolean | readonly Given[];
export type Values = Readonly<Record<string, Value>>;

/** What is wrong with one field, as a text's key with its parameters. */
export interface Problem {
  key: Key;
  parameters: Readonly<Record<string, string | number>>;
}

export interface Read {
  values: Record<string, unknown>;
  files: { argument: string; given: Given; many: boolean }[];
  problems: Record<string, Problem>;
}

/** What a field holds before anybody has touched it. images: of the strip, which go where pictures are asked for. */
export function initialValue(field: Field, images: readonly ImageRef[]): Value {
  if (field.kind !== "file") return field.initial;
  if (!takesPictures(field.file.media_type)) return [];
  const given = images.map((image): Given => ({ kind: "strip", image }));
  return field.file.many ? given : given.slice(0, 1);
}

export const takesPictures = (mediaType: string) => mediaType === "*/*" || mediaType.startsWith("image/");

const problem = (key: Key, parameters: Problem["parameters"] = {}): Problem => ({ key, parameters });

function readNumber(text: string, integer: boolean): number | null {
  const value = Number(text.trim().replace(",", "."));
  if (text.trim() === "" || !Number.isFinite(value)) return null;
  return integer && !Number.isInteger(value) ? null : value;
}

/** Undefined: nothing was given. */
function readOne(field: Exclude<Field, { kind: "file" }>, value: Value): { value?: unknown; problem?: Problem } {
  if (field.kind === "boolean") return { value: value === true };
  const text = typeof value === "string" ? value : "";
  if (text.trim() === "") return field.required && field.kind === "text" && field.minLength === 0 && text !== "" ? { value: text } : {};
  switch (field.kind) {
    case "text": {
      const length = [...text].length;
      if (length < field.minLength) return { problem: problem("tools.tooShort", { n: field.minLength }) };
      if (length > field.maxLength) return { problem: problem("tools.tooLong", { n: field.maxLength }) };
      return { value: text };
    }
    case "number": {
      const found = readNumber(text, field.integer);
      if (found === null) return { problem: problem(field.integer ? "tools.noInteger" : "tools.noNumber") };
      if (field.minimum !== null && found < field.minimum) return { problem: problem("tools.tooSmall", { min: field.minimum }) };
      if (field.maximum !== null && found > field.maximum) return { problem: problem("tools.tooLarge", { max: field.maximum }) };
      return { value: found };
    }
    case "choice":
      return { value: field.choices[Number(text)]?.value };
    case "list": {
      const lines = text.split("\n").filter((line) => line.trim() !== "");
      if (field.item === "text") return { value: lines };
      const numbers = lines.map((line) => readNumber(line, field.item === "integer"));
      if (numbers.includes(null)) return { problem: problem(field.item === "integer" ? "tools.noInteger" : "tools.noNumber") };
      return { value: numbers };
    }
    case "json":
      try {
        return { value: JSON.parse(text) as unknown };
      } catch {
        return { problem: problem("tools.noJson") };
      }
  }
}

/** The arguments that a form stands for, or what keeps it from being sent. */
export function read(fields: readonly Field[], values: Values): Read {
  const result: Read = { values: {}, files: [], problems: {} };
  for (const field of fields) {
    const value = values[field.name] ?? "";
    if (field.kind === "file") {
      const given = Array.isArray(value) ? (value as readonly Given[]) : [];
      if (given.length === 0 && field.required) result.problems[field.name] = problem("tools.noFile");
      for (const each of given) result.files.push({ argument: field.name, given: each, many: field.file.many });
      continue;
    }
    const found = readOne(field, value);
    if (found.problem) result.problems[field.name] = found.problem;
    else if (found.value !== undefined) result.values[field.name] = found.value;
    else if (field.required) result.problems[field.name] = problem("tools.required");
  }
  return result;
}
