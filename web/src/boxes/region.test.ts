// @vitest-environment node
import { describe, expect, it } from "vitest";
import { between, enlargement, isLargeEnough, middle, moved, resized } from "./region.ts";
import { fitFactor } from "./zoom.svelte.ts";

const size = { width: 400, height: 300 };
const region = { x: 100, y: 50, width: 80, height: 60 };

describe("a region", () => {
  it("lies between two corners, on whole pixels, inside of the picture", () => {
    expect(between({ x: 50.6, y: 40.2 }, { x: 10.2, y: 90.5 }, size)).toEqual({ x: 10, y: 40, width: 41, height: 51 });
    expect(between({ x: -20, y: 250 }, { x: 900, y: 400 }, size)).toEqual({ x: 0, y: 250, width: 400, height: 50 });
    expect(isLargeEnough(between({ x: 1, y: 1 }, { x: 3, y: 90 }, size))).toBe(false);
    expect(middle(size)).toEqual({ x: 100, y: 75, width: 200, height: 150 });
  });

  it("moves without leaving the picture or changing its size", () => {
    expect(moved(region, -500, 10, size)).toEqual({ x: 0, y: 60, width: 80, height: 60 });
    expect(moved(region, 500, 500, size)).toEqual({ x: 320, y: 240, width: 80, height: 60 });
  });

  it("is resized by its edges, which never cross", () => {
    expect(resized(region, { x: 1, y: 0 }, 20, 99, size)).toEqual({ ...region, width: 100 });
    expect(resized(region, { x: -1, y: -1 }, -10, 10, size)).toEqual({ x: 90, y: 60, width: 90, height: 50 });
    expect(resized(region, { x: 1, y: 1 }, -500, -500, size)).toEqual({ x: 100, y: 50, width: 4, height: 4 });
    expect(resized(region, { x: 1, y: 1 }, 5000, 5000, size)).toEqual({ x: 100, y: 50, width: 300, height: 250 });
  });

  it("is enlarged only where it is tiny", () => {
    expect(enlargement({ ...region, width: 64, height: 64 })).toBe(1);
    expect(enlargement({ ...region, width: 20, height: 300 })).toBe(4);
    expect(enlargement({ ...region, width: 4, height: 4 })).toBe(16);
  });
});

describe("fitFactor", () => {
  it("shows all of a picture, and a small one at most three times as large", () => {
    expect(fitFactor({ width: 4000, height: 1000 }, { width: 1000, height: 1000 })).toBe(0.25);
    expect(fitFactor({ width: 100, height: 50 }, { width: 1000, height: 1000 })).toBe(3);
    expect(fitFactor({ width: 100, height: 50 }, { width: 0, height: 0 })).toBe(1);
  });
});
