import type { FileArgument, ToolInfo } from "./types.ts";

/** A JSON schema, as a tool wrote it: anything may be anything. */
type Schema = Readonly<Record<string, unknown>>;

export interface Choice {
  label: string;
  value: unknown;
}

interface Common {
  name: string;
  label: string;
  description: string;
  required: boolean;
}

/** One argument of a tool as a form shows it. `json`: what no simpler input can hold. */
export type Field = Common &
  (
    | { kind: "text"; initial: string; minLength: number; maxLength: number; long: boolean }
    | { kind: "number"; initial: string; integer: boolean; minimum: number | null; maximum: number | null }
    | { kind: "boolean"; initial: boolean }
    | { kind: "choice"; initial: string; choices: Choice[] }
    | { kind: "list"; initial: string; item: "text" | "number" | "integer" }
    | { kind: "file"; file: FileArgument }
    | { kind: "json"; initial: string }
  );

const MAX_FIELDS = 60;
const MAX_CHOICES = 200;
const LONG_FROM_CHARS = 200;

const isSchema = (value: unknown): value is Schema => typeof value === "object" && value !== null && !Array.isArray(value);
const text = (value: unknown) => (typeof value === "string" ? value : "");
const number = (value: unknown) => (typeof value === "number" && Number.isFinite(value) ? value : null);

const without = (schema: Schema, word: string): Schema =>
  Object.fromEntries(Object.entries(schema).filter(([name]) => name !== word));

/** `#/$defs/Name` within the same document; everything else stays what it is. */
function resolved(schema: Schema, root: Schema, depth = 0): Schema {
  const reference = text(schema["$ref"]);
  if (reference === "" || depth > 8) return schema;
  let found: unknown = root;
  for (const part of reference.replace(/^#\/?/, "").split("/")) {
    found = isSchema(found) && Object.hasOwn(found, part) ? found[part] : null;
  }
  if (!reference.startsWith("#") || !isSchema(found)) return schema;
  return resolved({ ...found, ...without(schema, "$ref") }, root, depth + 1);
}

/** `anyOf: [X, null]`, as an optional argument is often written, is X. */
function plain(schema: Schema, root: Schema): Schema {
  const whole = resolved(schema, root);
  for (const word of ["anyOf", "oneOf", "allOf"]) {
    const choices = whole[word];
    if (!Array.isArray(choices)) continue;
    const others = choices.filter((each) => isSchema(each) && each["type"] !== "null");
    if (others.length !== 1) continue;
    return { ...resolved(others[0] as Schema, root), ...without(whole, word) };
  }
  return whole;
}

function typeOf(schema: Schema): string {
  const type = schema["type"];
  if (Array.isArray(type)) return text(type.find((each) => each !== "null"));
  return text(type);
}

function choicesOf(schema: Schema, root: Schema): Choice[] | null {
  const values = schema["enum"];
  if (Array.isArray(values)) return values.slice(0, MAX_CHOICES).map((value: unknown) => ({ label: shown(value), value }));
  for (const word of ["oneOf", "anyOf"]) {
    const choices = schema[word];
    if (!Array.isArray(choices) || choices.length === 0) continue;
    const each = choices.map((choice: unknown) => (isSchema(choice) ? resolved(choice, root) : {}));
    if (!each.every((choice) => "const" in choice)) continue;
    return each
      .slice(0, MAX_CHOICES)
      .map((choice) => ({ label: text(choice["title"]) || shown(choice["const"]), value: choice["const"] }));
  }
  return null;
}

const shown = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));

function fieldOf(name: string, given: Schema, root: Schema, required: boolean, file: FileArgument | undefined): Field {
  const schema = plain(given, root);
  const initial = schema["default"];
  const common: Common = {
    name,
    label: text(schema["title"]) || text(given["title"]) || name.replaceAll("_", " "),
    description: text(schema["description"]) || text(given["description"]),
    required,
  };
  if (file) return { ...common, kind: "file", file };
  const choices = choicesOf(schema, root);
  if (choices) {
    const at = choices.findIndex((choice) => JSON.stringify(choice.value) === JSON.stringify(initial));
    return { ...common, kind: "choice", choices, initial: at >= 0 ? String(at) : "" };
  }
  const type = typeOf(schema);
  if (type === "boolean") return { ...common, kind: "boolean", initial: initial === true };
  if (type === "integer" || type === "number") {
    const { minimum, maximum } = schema;
    return {
      ...common,
      kind: "number",
      integer: type === "integer",
      minimum: number(minimum),
      maximum: number(maximum),
      initial: number(initial) === null ? "" : String(initial),
    };
  }
  if (type === "string") {
    const maxLength = number(schema["maxLength"]) ?? 100_000;
    const long = maxLength >= LONG_FROM_CHARS && text(schema["format"]) === "";
    return { ...common, kind: "text", minLength: number(schema["minLength"]) ?? 0, maxLength, long, initial: text(initial) };
  }
  if (type === "array" && isSchema(schema["items"])) {
    const item = typeOf(plain(schema["items"], root));
    const kind = ({ string: "text", number: "number", integer: "integer" } as const)[item];
    const plainItems = !("enum" in plain(schema["items"], root));
    if (kind && plainItems) {
      const lines = Array.isArray(initial) ? initial.map(shown).join("\n") : "";
      return { ...common, kind: "list", item: kind, initial: lines };
    }
  }
  return { ...common, kind: "json", initial: initial === undefined || initial === null ? "" : JSON.stringify(initial, null, 2) };
}

/** The form of a tool, in the order of its schema. */
export function fieldsOf(tool: Pick<ToolInfo, "input_schema" | "files">): Field[] {
  const root = tool.input_schema as Schema;
  const properties = root["properties"];
  if (!isSchema(properties)) return [];
  const required = Array.isArray(root["required"]) ? root["required"] : [];
  return Object.entries(properties)
    .slice(0, MAX_FIELDS)
    .map(([name, schema]) =>
      fieldOf(name, isSchema(schema) ? schema : {}, root, required.includes(name), tool.files[name]),
    );
}
