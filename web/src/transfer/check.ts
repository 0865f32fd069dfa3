/**
 * Checks for data from outside. A check returns a copy with what it knows and nothing else, or throws
 * Invalid. The checks of records are typed by the records: a field that is added there has to be added
 * here, or the page does not compile, so that an export never loses it.
 */

export class Invalid extends Error {
  override readonly name = "Invalid";
}

export type Check<T> = (value: unknown, path: string) => T;

function fail(path: string, what: string): never {
  throw new Invalid(`${path}: ${what}`);
}

export const text =
  (maxChars: number): Check<string> =>
  (value, path) =>
    typeof value === "string" && value.length <= maxChars ? value : fail(path, `no text of at most ${maxChars}`);

export const pattern =
  (shape: RegExp): Check<string> =>
  (value, path) =>
    typeof value === "string" && shape.test(value) ? value : fail(path, `not like ${shape.source}`);

export const number =
  (min: number, max: number): Check<number> =>
  (value, path) =>
    typeof value === "number" && value >= min && value <= max ? value : fail(path, `no number from ${min} to ${max}`);

export const flag: Check<boolean> = (value, path) => (typeof value === "boolean" ? value : fail(path, "neither true nor false"));

export const oneOf =
  <const T extends string>(...options: readonly T[]): Check<T> =>
  (value, path) =>
    options.find((option) => option === value) ?? fail(path, `none of ${options.join(", ")}`);

export const nullable =
  <T>(check: Check<T>): Check<T | null> =>
  (value, path) =>
    value === null || value === undefined ? null : check(value, path);

export const list =
  <T>(check: Check<T>, most: number): Check<T[]> =>
  (value, path) => {
    if (!Array.isArray(value) || value.length > most) fail(path, `no list of at most ${most}`);
    return (value as unknown[]).map((item, index) => check(item, `${path}[${index}]`));
  };

type OptionalKeys<T> = { [K in keyof T]-?: object extends Pick<T, K> ? K : never }[keyof T];

/** Every field of `T`; those that `T` allows to be absent are named in `optional`. Others are dropped. */
export function record<T extends object>(
  fields: { [K in keyof T]-?: Check<Exclude<T[K], undefined>> },
  ...optional: OptionalKeys<T>[]
): Check<T> {
  const mayBeAbsent = new Set<PropertyKey>(optional);
  return (value, path) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) fail(path, "no object");
    const result: Partial<T> = {};
    for (const key of Object.keys(fields) as (keyof T & string)[]) {
      const present = Object.hasOwn(value as object, key);
      if (!present && mayBeAbsent.has(key)) continue;
      result[key] = fields[key]((value as Record<string, unknown>)[key], `${path}.${key}`);
    }
    return result as T;
  };
}

const JSON_DEPTH = 16;
const JSON_ITEMS = 2000;

/** JSON whose shape is nobody's business here, within bounds. */
export const json: Check<Record<string, unknown>> = (value, path) => {
  let items = 0;
  const copy = (part: unknown, depth: number): unknown => {
    items += 1;
    if (depth > JSON_DEPTH || items > JSON_ITEMS) fail(path, "too much");
    if (part === null || ["string", "number", "boolean"].includes(typeof part)) return part;
    if (Array.isArray(part)) return part.map((item) => copy(item, depth + 1));
    if (typeof part !== "object") fail(path, "no JSON");
    return Object.fromEntries(
      Object.entries(part as object)
        .filter(([key]) => key !== "__proto__")
        .map(([key, item]) => [key, copy(item, depth + 1)]),
    );
  };
  if (typeof value !== "object" || value === null || Array.isArray(value)) fail(path, "no object");
  return copy(value, 0) as Record<string, unknown>;
};
