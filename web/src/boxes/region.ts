/** A rectangle on a picture, in the picture's own pixels. Pure functions. */
import type { Size } from "./place.ts";

export interface Region {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Less is a slip of the hand. */
export const MIN_REGION_PX = 4;
/** A model sees patches of 32 pixels: what is smaller than two of them is enlarged. */
export const MIN_CROP_PX = 64;

const clamp = (value: number, most: number) => Math.min(Math.max(0, value), most);

/** Between two corners in any order, on whole pixels, inside of the picture. */
export function between(a: { x: number; y: number }, b: { x: number; y: number }, size: Size): Region {
  const left = Math.floor(clamp(Math.min(a.x, b.x), size.width));
  const top = Math.floor(clamp(Math.min(a.y, b.y), size.height));
  const right = Math.ceil(clamp(Math.max(a.x, b.x), size.width));
  const bottom = Math.ceil(clamp(Math.max(a.y, b.y), size.height));
  return { x: left, y: top, width: right - left, height: bottom - top };
}

export const isLargeEnough = ({ width, height }: Region) => width >= MIN_REGION_PX && height >= MIN_REGION_PX;

/** The middle half: where the keyboard begins. */
export function middle(size: Size): Region {
  return between({ x: size.width / 4, y: size.height / 4 }, { x: (size.width * 3) / 4, y: (size.height * 3) / 4 }, size);
}

export function moved(region: Region, dx: number, dy: number, size: Size): Region {
  return {
    ...region,
    x: Math.round(clamp(region.x + dx, size.width - region.width)),
    y: Math.round(clamp(region.y + dy, size.height - region.height)),
  };
}

/** Edges that a handle moves: -1 left or top, 1 right or bottom, 0 neither. */
export interface Edges {
  x: -1 | 0 | 1;
  y: -1 | 0 | 1;
}

/** Move edges; an edge stops before it meets the other one. */
export function resized(region: Region, edges: Edges, dx: number, dy: number, size: Size): Region {
  const least = MIN_REGION_PX;
  let left = region.x;
  let top = region.y;
  let right = region.x + region.width;
  let bottom = region.y + region.height;
  if (edges.x < 0) left = Math.min(clamp(left + dx, size.width), right - least);
  if (edges.x > 0) right = Math.max(clamp(right + dx, size.width), left + least);
  if (edges.y < 0) top = Math.min(clamp(top + dy, size.height), bottom - least);
  if (edges.y > 0) bottom = Math.max(clamp(bottom + dy, size.height), top + least);
  return between({ x: left, y: top }, { x: right, y: bottom }, size);
}

/** How many times larger a crop has to be made for a model to see it; 1 for all but tiny ones. */
export function enlargement({ width, height }: Region): number {
  return Math.max(1, Math.ceil(MIN_CROP_PX / Math.max(1, Math.min(width, height))));
}
