import type { PresetField } from "./records.ts";

/** What an answer says for each field, by the field's id. */
export type FieldValues = Readonly<Record<string, string>>;

const escape = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
const folded = (label: string) => label.toLowerCase().replace(/[\s_-]+/g, "");

function namesOf(field: PresetField): string[] {
  return [field.label, field.id, ...field.aliases].filter((name) => name !== "");
}

/** Strings as they are, lists as lines, the rest as JSON. */
function asText(value: unknown): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.map(asText).join("\n");
  if (value === null || value === undefined) return "";
  if (typeof value !== "object") return String(value as number | boolean);
  return Object.entries(value)
    .map(([key, inner]) => `${key}：${asText(inner)}`)
    .join("\n");
}

/** A JSON string as far as it has come. */
function unquote(raw: string): string {
  try {
    return JSON.parse(`"${raw.replace(/\\(u[\da-fA-F]{0,3})?$/, "")}"`) as string;
  } catch {
    return raw;
  }
}

/** Names and values of the first JSON object in `text`, which may be in a code fence or not be over yet. */
function jsonEntries(text: string): [string, string][] | null {
  const start = text.indexOf("{");
  if (start < 0 || !/^\s*(?:```\w*\s*)?[{[]/.test(text)) return null;
  const end = text.lastIndexOf("}");
  if (end > start) {
    try {
      const parsed: unknown = JSON.parse(text.slice(start, end + 1));
      if (typeof parsed === "object" && parsed !== null) {
        return Object.entries(parsed).map(([key, value]) => [key, asText(value)]);
      }
    } catch {
      // Still growing, or not quite JSON: what can be read of it.
    }
  }
  const pairs = text.slice(start).matchAll(/"((?:[^"\\]|\\.)*)"\s*:\s*(?:"((?:[^"\\]|\\.)*)|(-?[\d.]+))/g);
  return [...pairs].map((pair) => [unquote(pair[1] as string), unquote(pair[2] ?? pair[3] ?? "")]);
}

function fromJson(text: string, fields: readonly PresetField[]): Record<string, string> | null {
  const entries = jsonEntries(text);
  if (!entries) return null;
  const values: Record<string, string> = {};
  for (const field of fields) {
    const names = new Set(namesOf(field).map(folded));
    const found = entries.find(([key]) => names.has(folded(key)));
    if (found) values[field.id] = found[1].trim();
  }
  return Object.keys(values).length > 0 ? values : null;
}

/** Without the Markdown that models put around a part. */
function clean(value: string): string {
  return value
    .trim()
    .replace(/^(\*\*|__)([\s\S]*)\1$/, "$2")
    .replace(/^(?:-{3,}|\*{3,})\s*$/gm, "")
    .trim();
}

/** 【Title】…, **Title**: …, ## Title, 1. Title: …, [Title] … at the start of a line. */
function fromLabels(text: string, fields: readonly PresetField[]): Record<string, string> | null {
  const byName = new Map(fields.flatMap((field) => namesOf(field).map((name) => [folded(name), field.id] as const)));
  const names = fields
    .flatMap(namesOf)
    .sort((a, b) => b.length - a.length)
    .map((name) => escape(name).replace(/\s+/g, "\\s*"))
    .join("|");
  if (names === "") return null;
  const stars = "(?:\\*\\*|__)?";
  const lead = `^[ \\t]*(?:[-*•>]\\s+|\\d+[.、)）]\\s*)*`;
  const label = new RegExp(
    `${lead}(?:` +
      `${stars}[【\\[「](${names})[】\\]」]${stars}[ \\t]*[:：]?` + // in brackets
      `|${stars}(${names})${stars}[ \\t]*[:：]${stars}` + // before a colon
      `|#{1,6}[ \\t]*${stars}(${names})${stars}[ \\t]*[:：]?[ \\t]*$` + // a heading
      `|${stars}(${names})${stars}[ \\t]*$` + // on a line of its own
      `)`,
    "gimu",
  );
  const marks = [...text.matchAll(label)];
  if (marks.length === 0) return null;
  const values: Record<string, string> = {};
  marks.forEach((mark, index) => {
    const id = byName.get(folded(mark.slice(1).find((name) => name !== undefined) ?? ""));
    if (id === undefined || id in values) return;
    values[id] = clean(text.slice(mark.index + mark[0].length, marks[index + 1]?.index));
  });
  return values;
}

/** As many list items as there are fields: one each, in their order. */
function fromList(text: string, fields: readonly PresetField[]): Record<string, string> | null {
  const items = [...text.matchAll(/^[ \t]*(?:\d+[.、)）]|[-*•])[ \t]*(\S.*)$/gm)].map((item) => item[1] as string);
  if (items.length !== fields.length || fields.length < 2) return null;
  return Object.fromEntries(fields.map((field, index) => [field.id, clean(items[index] as string)]));
}

/**
 * Take an answer apart. Null: the fields are not in it, and it has to be shown as it is. Works on an answer
 * that is still growing. Pure.
 */
export function parseFields(text: string, fields: readonly PresetField[]): FieldValues | null {
  if (fields.length === 0 || text.trim() === "") return null;
  const found = fromJson(text, fields) ?? fromLabels(text, fields) ?? fromList(text, fields);
  if (found) return found;
  const [only] = fields;
  return fields.length === 1 && only ? { [only.id]: clean(text) } : null;
}
