import type { Mark } from "./marks.ts";

/** A mark on its picture, in parts of the picture's width and height: 0 is left or top, 1 right or bottom. */
export interface PlacedMark {
  mark: Mark;
  /** Place among the marks of the answer. */
  index: number;
  left: number;
  top: number;
  right: number;
  bottom: number;
  /** It reached over the edge of the picture and was cut there. */
  cut: boolean;
}

/** relative: 0 to 1000, as Qwen3-VL writes. unit: 0 to 1. pixels: of the picture, as older models write. */
export type Unit = "relative" | "unit" | "pixels";

/** So far above 1000 a number is no slip any more. */
const SLIP = 1050;

export interface Size {
  width: number;
  height: number;
}

/** What the numbers of an answer are counted in. One unit for all marks of a picture. */
export function unitOf(marks: readonly Mark[], size: Size): Unit {
  const xs = marks.flatMap(({ numbers: [x1, , x2] }) => [x1, x2]);
  const ys = marks.flatMap(({ numbers: [, y1, , y2] }) => [y1, y2]);
  const all = [...xs, ...ys];
  if (all.length === 0) return "relative";
  const most = Math.max(...all);
  if (most <= 1 && Math.min(...all) >= 0 && all.some((n) => !Number.isInteger(n))) return "unit";
  const fitsPixels = Math.max(...xs) <= size.width * 1.02 && Math.max(...ys) <= size.height * 1.02;
  return most > SLIP && fitsPixels ? "pixels" : "relative";
}

const clamp = (value: number) => Math.min(1, Math.max(0, value));

function place(mark: Mark, index: number, scale: Size): PlacedMark {
  const [x1, y1, x2, y2] = mark.numbers;
  const raw = [
    Math.min(x1, x2) / scale.width,
    Math.min(y1, y2) / scale.height,
    Math.max(x1, x2) / scale.width,
    Math.max(y1, y2) / scale.height,
  ] as const;
  const [left, top, right, bottom] = raw.map(clamp) as [number, number, number, number];
  return { mark, index, left, top, right, bottom, cut: raw.some((value) => value < 0 || value > 1) };
}

export interface MarkedPicture {
  /** Place of the picture among those that were asked about, from 0. */
  picture: number;
  unit: Unit;
  marks: PlacedMark[];
}

/**
 * Which mark goes where. `sizes`: of the pictures that the answer is about. A mark that names no picture,
 * or one that is not there, goes to the one at `fallback`.
 */
export function placeMarks(marks: readonly Mark[], sizes: readonly Size[], fallback = 0): MarkedPicture[] {
  const groups = new Map<number, { mark: Mark; index: number }[]>();
  marks.forEach((mark, index) => {
    const named = sizes.length > 1 && mark.picture !== null ? mark.picture - 1 : fallback;
    const picture = named >= 0 && named < sizes.length ? named : fallback;
    groups.set(picture, [...(groups.get(picture) ?? []), { mark, index }]);
  });
  return [...groups]
    .sort(([a], [b]) => a - b)
    .flatMap(([picture, group]) => {
      const size = sizes[picture];
      if (!size) return [];
      const unit = unitOf(
        group.map(({ mark }) => mark),
        size,
      );
      const scale = { relative: { width: 1000, height: 1000 }, unit: { width: 1, height: 1 }, pixels: size }[unit];
      return [{ picture, unit, marks: group.map(({ mark, index }) => place(mark, index, scale)) }];
    });
}

/** Larger ones first, so that what lies inside of another lies above it, too. */
export function byArea(marks: readonly PlacedMark[]): PlacedMark[] {
  const area = (mark: PlacedMark) => (mark.right - mark.left) * (mark.bottom - mark.top);
  return [...marks].sort((a, b) => area(b) - area(a));
}
