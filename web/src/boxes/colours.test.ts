// @vitest-environment node
import { describe, expect, it } from "vitest";
import { colourOf, MARK_COLOURS } from "./colours.ts";

/** Relative luminance, WCAG 2.2. */
function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const part = parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one: string, other: string): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

describe("colours of marks", () => {
  it.each(MARK_COLOURS)("$line can be written on with $ink", ({ line, ink }) => {
    expect(contrast(line, ink)).toBeGreaterThanOrEqual(4.5);
  });

  it("are the same for the same label, and another for each mark without one", () => {
    const labels = ["杯", "碗", "杯", "", ""];
    expect(colourOf(labels, 0)).toEqual(colourOf(labels, 2));
    expect(new Set([0, 1, 3, 4].map((index) => colourOf(labels, index).line)).size).toBe(4);
    expect(colourOf(new Array<string>(30).fill(""), 29)).toBeDefined();
  });
});
