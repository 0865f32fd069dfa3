import { describe, expect, it } from "vitest";
import { DEFAULT_BUDGET, imageTokens, modelSize, sentSize } from "./plan.ts";

const size = (width: number, height: number) => ({ width, height });

describe("modelSize", () => {
  it("rounds both sides to multiples of 32", () => {
    expect(modelSize(size(1920, 1080), DEFAULT_BUDGET)).toEqual(size(1920, 1088));
    expect(imageTokens(size(1920, 1080), DEFAULT_BUDGET)).toBe(2040);
  });

  it("keeps within the largest and the smallest area", () => {
    for (const [width, height] of [
      [12_000, 9000],
      [4032, 3024],
      [10, 10],
      [9000, 31],
      [1, 1],
    ] as const) {
      const tokens = imageTokens(size(width, height), { minTokens: 64, maxTokens: 4096 });
      expect(tokens, `${width} x ${height}`).toBeLessThanOrEqual(4096);
      if (width * height > 10_000) continue;
      expect(tokens).toBeGreaterThanOrEqual(64);
    }
  });
});

describe("sentSize", () => {
  it("brings a photograph to about a megapixel, and to all that the model can use", () => {
    const photo = size(4032, 3024);
    expect(sentSize("fast", photo, DEFAULT_BUDGET)).toEqual(size(1152, 864));
    expect(sentSize("detail", photo, { minTokens: 64, maxTokens: 4096 })).toEqual(size(2336, 1760));
    expect(sentSize("original", photo, DEFAULT_BUDGET)).toEqual(photo);
  });

  it("keeps the shape, but for the rounding", () => {
    const { width, height } = sentSize("fast", size(3000, 4000), DEFAULT_BUDGET);
    expect([width % 32, height % 32]).toEqual([0, 0]);
    expect(Math.abs(width / height - 0.75)).toBeLessThan(0.04);
  });

  it("never makes a picture larger, and does not touch one that fits", () => {
    expect(sentSize("fast", size(640, 480), DEFAULT_BUDGET)).toEqual(size(640, 480));
    expect(sentSize("detail", size(4032, 3024), DEFAULT_BUDGET)).toEqual(size(4032, 3024));
    const strip = sentSize("fast", size(60_000, 20), DEFAULT_BUDGET);
    expect(strip.height).toBeLessThanOrEqual(20);
  });

  it("asks no more of a small model than it takes", () => {
    const nano = { minTokens: 64, maxTokens: 256 };
    expect(imageTokens(sentSize("fast", size(4032, 3024), nano), nano)).toBeLessThanOrEqual(256);
  });
});
