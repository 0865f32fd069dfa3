/** Boxes and points in an answer, as vision models write them: `bbox_2d` and `point_2d` in JSON. */
import { pictureNumber } from "./picture_number.ts";
import { scanJson, type JsonValue } from "./json_scan.ts";

export interface Mark {
  kind: "box" | "point";
  /** As written: x1, y1, x2, y2; of a point x, y, x, y. */
  numbers: readonly [number, number, number, number];
  label: string;
  /** Where its object stands in the text. */
  start: number;
  end: number;
  /** Number of the picture that it belongs to, from 1, where the answer says so. */
  picture: number | null;
}

const BOX_KEYS = ["bbox_2d", "bbox2d", "bbox"];
const POINT_KEYS = ["point_2d", "points_2d", "point2d", "point", "points", "keypoints_2d"];
const LABEL_KEYS = ["label", "name", "text_content", "text", "category", "class", "sub_label", "description", "caption"];
const LABEL_KEYS_ZH = ["标签", "名称", "文字", "内容", "类别", "描述"];
const PICTURE_KEYS = ["image_index", "image_id", "image", "img_idx", "picture", "picture_index", "图", "图片", "图像"];

/** Every number in a value, however nested. A list that may still grow gives none. */
function numbersIn(value: JsonValue): number[] {
  if (value.kind === "number") return [value.value];
  if (value.kind === "string") return [...value.value.matchAll(/[+-]?\d+(?:\.\d+)?/g)].map(([text]) => Number(text));
  if (value.kind === "array" && value.closed) return value.items.flatMap(numbersIn);
  return [];
}

function boundingBox(numbers: readonly number[]): Mark["numbers"] {
  const xs = numbers.filter((_, index) => index % 2 === 0);
  const ys = numbers.filter((_, index) => index % 2 === 1);
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

/** A list of lists, each with its own numbers. */
function tuples(value: JsonValue): number[][] {
  const isNested = value.kind === "array" && value.items.some((item) => item.kind === "array");
  if (!isNested) return [numbersIn(value)];
  return value.items.map(numbersIn);
}

type Shape = Pick<Mark, "kind" | "numbers">;

const point = (x: number, y: number): Shape => ({ kind: "point", numbers: [x, y, x, y] });

function pairs(numbers: readonly number[]): Shape[] {
  const shapes: Shape[] = [];
  for (let at = 0; at + 1 < numbers.length; at += 2) shapes.push(point(numbers[at] as number, numbers[at + 1] as number));
  return shapes;
}

function boxes(value: JsonValue): Shape[] {
  const lists = tuples(value);
  // Two corners, each a list of its own, are one box.
  const merged = lists.every((list) => list.length === 2) ? [lists.flat()] : lists;
  return merged.flatMap((numbers): Shape[] => {
    if (numbers.length === 4) {
      const [x1, y1, x2, y2] = numbers as [number, number, number, number];
      return [{ kind: "box", numbers: [x1, y1, x2, y2] }];
    }
    if (numbers.length === 2) return pairs(numbers);
    // Corners of a quadrangle, or of a polygon.
    return numbers.length >= 6 && numbers.length % 2 === 0 ? [{ kind: "box", numbers: boundingBox(numbers) }] : [];
  });
}

function first<T>(members: ReadonlyMap<string, JsonValue>, keys: readonly string[], read: (value: JsonValue) => T | null) {
  for (const key of keys) {
    const value = members.get(key);
    const found = value && read(value);
    if (found !== undefined && found !== null) return found;
  }
  return null;
}

function textOf(value: JsonValue): string | null {
  if (value.kind === "string") return value.value;
  return value.kind === "number" ? String(value.value) : null;
}

interface Found extends Mark {
  /** Number by which a member of the object names a picture: from 0 or from 1. */
  index: number | null;
}

function marksOf(value: JsonValue & { kind: "object" }, context: number | null): Found[] {
  const { members } = value;
  const shapes = [
    ...BOX_KEYS.flatMap((key) => (members.has(key) ? boxes(members.get(key) as JsonValue) : [])),
    ...POINT_KEYS.flatMap((key) => (members.has(key) ? tuples(members.get(key) as JsonValue).flatMap(pairs) : [])),
  ];
  if (shapes.length === 0) return [];
  const label = first(members, [...LABEL_KEYS, ...LABEL_KEYS_ZH], textOf) ?? "";
  const index = first(members, PICTURE_KEYS, (member) => {
    if (member.kind === "number") return member.value;
    return member.kind === "string" ? (pictureNumber(member.value) ?? (Number(member.value) || null)) : null;
  });
  const picture = pictureNumber(label) ?? context;
  const { start, end } = value;
  return shapes.map((shape) => ({ ...shape, label, start, end, picture, index }));
}

function collect(value: JsonValue, context: number | null, into: Found[]): void {
  if (value.kind === "array") for (const item of value.items) collect(item, context, into);
  if (value.kind !== "object") return;
  into.push(...marksOf(value, context));
  for (const [key, member] of value.members) collect(member, pictureNumber(key) ?? context, into);
}

/** Everything in an answer that can be drawn on a picture, in the order of the text. */
export function findMarks(text: string): Mark[] {
  const found: Found[] = [];
  let behind = 0;
  let context: number | null = null;
  for (const value of scanJson(text)) {
    context = pictureNumber(text.slice(behind, value.start), "last") ?? context;
    behind = value.end;
    collect(value, context, found);
  }
  // Who counts from 0 somewhere counts from 0 everywhere.
  const base = found.some((mark) => mark.index === 0) ? 0 : 1;
  return found.map(({ index, ...mark }) => ({ ...mark, picture: index === null ? mark.picture : index - base + 1 }));
}
