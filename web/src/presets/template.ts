import type { Sampling } from "../store/records.ts";
import type { Preset, PresetField, PresetUse, PresetVariable } from "./records.ts";

/** Letters of any language, digits and `_`; spaces around the name do not count. */
const VARIABLE = /\{\{\s*([\p{L}\p{N}_]+)\s*\}\}/gu;

/** Names in a template, each once, in their order. */
export function variableNames(template: string): string[] {
  return [...new Set([...template.matchAll(VARIABLE)].map((match) => match[1] as string))];
}

/** The variables of a template; what is known of them is kept, new ones get their name as label. */
export function variablesOf(template: string, known: readonly PresetVariable[]): PresetVariable[] {
  return variableNames(template).map(
    (name) => known.find((variable) => variable.name === name) ?? { name, label: name, value: "" },
  );
}

/**
 * Put values in. A line whose only content besides punctuation and its label would be an empty value is
 * left out, so that no "Tone: ." stands in the prompt.
 */
export function fillTemplate(template: string, values: Readonly<Record<string, string>>): string {
  const lines = template.split("\n").flatMap((line) => {
    const names = variableNames(line);
    const allEmpty = names.length > 0 && names.every((name) => (values[name] ?? "").trim() === "");
    if (allEmpty && /^[^{}\n]{0,24}[:：]\s*(\{\{[^{}]*\}\}[\s、,，;；.。]*)+$/.test(line.trim())) return [];
    return [line.replace(VARIABLE, (_, name: string) => (values[name] ?? "").trim())];
  });
  return lines.join("\n").trim();
}

const han = (text: string) => /\p{Script=Han}/u.test(text);

function limitText(field: PresetField, chinese: boolean): string {
  if (field.max === null) return "";
  const max = String(field.max);
  if (chinese) return field.unit === "words" ? `（不超过${max}个词）` : `（不超过${max}个字）`;
  return field.unit === "words" ? ` (at most ${max} words)` : ` (at most ${max} characters)`;
}

/** How the parts of the answer are to be written, in the language of the preset. Empty: nothing to say. */
export function formatNote(preset: Pick<Preset, "output" | "fields" | "template">): string {
  const { output, fields } = preset;
  if (fields.length === 0 || output === "text" || output === "json") return "";
  const chinese = han(preset.template);
  if (output === "schema") {
    const keys = fields.map((field) => `"${field.label}"${limitText(field, chinese)}`).join(chinese ? "、" : ", ");
    return chinese ? `只输出JSON，键为：${keys}。` : `Write JSON only, with the keys ${keys}.`;
  }
  const intro = chinese
    ? "严格按下面的格式输出，每项以【】里的名称开头，不要写别的内容："
    : "Write exactly in this form, each part after its name in 【】, and nothing else:";
  const empty = chinese ? "…" : " …";
  return [intro, ...fields.map((field) => `【${field.label}】${empty}${limitText(field, chinese)}`)].join("\n");
}

/** JSON schema for the fields, for engines that hold an answer to one. */
export function schemaOf(fields: readonly PresetField[]): Record<string, unknown> {
  return {
    type: "object",
    properties: Object.fromEntries(fields.map((field) => [field.label, { type: "string" }])),
    required: fields.map((field) => field.label),
    additionalProperties: false,
  };
}

function samplingOf(preset: Preset): Sampling {
  if (preset.output !== "schema" || preset.fields.length === 0) return preset.sampling;
  const json_schema = { name: "answer", schema: schemaOf(preset.fields), strict: true };
  return { ...preset.sampling, response_format: { type: "json_schema", json_schema } };
}

/** The variables' own values, with the reader's in their place. */
export function valuesOf(preset: Preset, given: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(
    preset.variables.map((variable) => [variable.name, given[variable.name] ?? variable.value]),
  );
}

/** A variable that is a limit moves the limits of the fields that were set to its default. */
function limitedFields(preset: Preset, values: Readonly<Record<string, string>>): PresetField[] {
  const variable = preset.variables.find(({ name }) => name === "max_chars" || name === "max_words");
  const max = Math.round(Number(variable ? values[variable.name] : Number.NaN));
  if (!variable || !(max >= 1)) return preset.fields;
  return preset.fields.map((field) => (String(field.max) === variable.value.trim() ? { ...field, max } : field));
}

/** Everything that sending a preset needs. extra: what the reader wrote beside it. Pure. */
export function usePreset(
  preset: Preset,
  given: Readonly<Record<string, string>> = {},
  extra = "",
): { prompt: string; use: PresetUse } {
  const values = valuesOf(preset, given);
  const limited = { ...preset, fields: limitedFields(preset, values) };
  const note = extra.trim() === "" ? "" : (han(preset.template) ? "补充要求：" : "Also: ") + extra.trim();
  const prompt = [fillTemplate(preset.template, values), note, formatNote(limited)].filter((part) => part !== "");
  const named = preset.variables.map(({ name, label }) => ({ label, value: values[name] ?? "" }));
  return {
    prompt: prompt.join("\n\n"),
    use: {
      id: preset.id,
      name: preset.name,
      values: named.filter(({ value }) => value.trim() !== ""),
      extra: extra.trim(),
      fields: limited.fields,
      systemPrompt: preset.systemPrompt,
      sampling: samplingOf(preset),
      checkBanned: preset.checkBanned,
    },
  };
}
