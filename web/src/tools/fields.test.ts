import { describe, expect, it } from "vitest";
import { fieldsOf, type Field } from "./fields.ts";
import { initialValue, read, type Given, type Values } from "./values.ts";
import type { ImageRef } from "../store/records.ts";

const of = (schema: Record<string, unknown>, files = {}) => fieldsOf({ input_schema: schema, files });
const one = (schema: unknown, more: Record<string, unknown> = {}): Field => {
  const [field] = of({ properties: { x: schema }, ...more });
  if (!field) throw new Error("no field");
  return field;
};
const image: ImageRef = { sha256: "a".repeat(64), name: "a.png", type: "image/png", sizeBytes: 1, width: 1, height: 1 };

describe("a form from a schema", () => {
  it("knows the plain types", () => {
    expect(one({ type: "string", maxLength: 20, default: "a" })).toMatchObject({ kind: "text", long: false, initial: "a" });
    expect(one({ type: "string" })).toMatchObject({ kind: "text", long: true });
    expect(one({ type: "integer", minimum: 1, default: 0 })).toMatchObject({ kind: "number", integer: true, minimum: 1, initial: "0" });
    expect(one({ type: "number" })).toMatchObject({ kind: "number", integer: false });
    expect(one({ type: "boolean", default: true })).toMatchObject({ kind: "boolean", initial: true });
    expect(one({ enum: ["a", 2], default: 2 })).toMatchObject({ kind: "choice", initial: "1", choices: [{ label: "a" }, { label: "2", value: 2 }] });
    expect(one({ type: "array", items: { type: "integer" }, default: [1, 2] })).toMatchObject({ kind: "list", item: "integer", initial: "1\n2" });
  });

  it("takes an optional argument and a reference for what they are", () => {
    expect(one({ anyOf: [{ type: "integer" }, { type: "null" }], default: null, title: "N" })).toMatchObject({ kind: "number", label: "N", initial: "" });
    const schema = { properties: { x: { $ref: "#/$defs/Way" } }, $defs: { Way: { enum: ["in", "out"], title: "Way" } } };
    expect(of(schema)[0]).toMatchObject({ kind: "choice", label: "Way" });
    expect(one({ type: ["string", "null"], format: "date" })).toMatchObject({ kind: "text", long: false });
    expect(one({ oneOf: [{ const: 1, title: "one" }, { const: 2 }] })).toMatchObject({ kind: "choice", choices: [{ label: "one" }, { label: "2" }] });
  });

  it("shows JSON where nothing simpler fits, and survives nonsense", () => {
    for (const schema of [{ type: "object" }, true, {}, { type: 7 }, { $ref: "#/properties/x" }, { $ref: "http://x/y" }, { anyOf: "x" }]) {
      expect(one(schema).kind).toBe("json");
    }
    expect(of({})).toEqual([]);
    expect(of({ properties: 3 })).toEqual([]);
    expect(one({ type: "string" }, { required: "x" }).required).toBe(false);
  });

  it("knows files by what the gateway says", () => {
    const schema = { properties: { pdf: { type: "string" } }, required: ["pdf"] };
    const file = { media_type: "application/pdf", given_as: "path", many: false };
    expect(of(schema, { pdf: file })[0]).toMatchObject({ kind: "file", required: true, file });
  });
});

describe("what a form says", () => {
  const fields = of({
    required: ["t", "n"],
    properties: {
      t: { type: "string", minLength: 2, maxLength: 4 },
      n: { type: "integer", minimum: 1, maximum: 9 },
      b: { type: "boolean" },
      c: { enum: ["x", "y"] },
      l: { type: "array", items: { type: "number" } },
      j: { type: "object" },
    },
  });
  const given: Values = { t: "abc", n: "3", b: true, c: "1", l: "1\n2,5\n", j: '{"a":1}' };

  it("is the arguments, with what was left empty left out", () => {
    expect(read(fields, given)).toEqual({ values: { t: "abc", n: 3, b: true, c: "y", l: [1, 2.5], j: { a: 1 } }, files: [], problems: {} });
    expect(read(fields, { t: "ab", n: "1" }).values).toEqual({ t: "ab", n: 1, b: false });
  });

  it.each([
    ["t", "", "tools.required"],
    ["t", "a", "tools.tooShort"],
    ["t", "abcde", "tools.tooLong"],
    ["n", "x", "tools.noInteger"],
    ["n", "1.5", "tools.noInteger"],
    ["n", "0", "tools.tooSmall"],
    ["n", "10", "tools.tooLarge"],
    ["l", "1\nx", "tools.noNumber"],
    ["j", "{", "tools.noJson"],
  ])("says what is wrong with %s: %s", (name, value, key) => {
    expect(read(fields, { ...given, [name]: value }).problems).toEqual({ [name]: expect.objectContaining({ key }) as unknown });
  });

  it("asks for a file that is needed, and takes pictures of the strip", () => {
    const schema = { properties: { a: { type: "string" }, b: { type: "array" } }, required: ["a"] };
    const files = {
      a: { media_type: "image/*", given_as: "path", many: false },
      b: { media_type: "application/pdf", given_as: "path", many: true },
    };
    const [a, b] = of(schema, files) as [Field, Field];
    expect(read([a, b], {}).problems).toEqual({ a: { key: "tools.noFile", parameters: {} } });
    expect(initialValue(b, [image])).toEqual([]);
    const value = initialValue(a, [image, image]) as Given[];
    expect(value).toEqual([{ kind: "strip", image }]);
    expect(read([a, b], { a: value }).files).toEqual([{ argument: "a", given: value[0], many: false }]);
  });
});
