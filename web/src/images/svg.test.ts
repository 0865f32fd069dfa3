import { describe, expect, it } from "vitest";
import { withSize } from "./svg.ts";

const SVG = 'xmlns="http://www.w3.org/2000/svg"';

describe("withSize", () => {
  it.each([
    [`<svg ${SVG} viewBox="0 0 100 50"><g/></svg>`, 2048, 1024],
    [`<svg ${SVG} width="10mm" height="20mm"/>`, 1024, 2048],
    [`<svg ${SVG} width='100%' height='100%' viewBox='0,0 30,30'></svg>`, 2048, 2048],
    [`<svg ${SVG}></svg>`, 2048, 2048],
    [`<?xml version="1.0"?><!-- <svg width="1"> --><!DOCTYPE svg PUBLIC "a" "b" [<!ENTITY x "y">]>\n<svg ${SVG} width="4" height="1">`, 2048, 512],
  ])("gives %s a size", (source, width, height) => {
    const sized = withSize(source);
    expect(sized).toMatchObject({ width, height });
    expect(sized.source.match(/ width="(\d+)" height="(\d+)"/)?.slice(1)).toEqual([String(width), String(height)]);
    expect(sized.source.match(/\swidth=/g)).toHaveLength(source.includes("<!--") ? 2 : 1);
  });

  it("keeps the shape of one without a view box, and its content", () => {
    const { source } = withSize(`<svg ${SVG} width="200" height="100" stroke-width="3"><rect width="9"/></svg>`);
    expect(source).toContain('viewBox="0 0 200 100"');
    expect(source).toContain('stroke-width="3"');
    expect(source).toContain('<rect width="9"/></svg>');
  });

  it("refuses what does not begin as a drawing, at once", () => {
    expect(() => withSize("<html><svg></svg></html>")).toThrow("no SVG");
    expect(() => withSize("<!-- -->".repeat(50_000))).toThrow("no SVG");
    expect(() => withSize(`<svg ${'"'.repeat(9_999)}`)).toThrow("no SVG");
  });
});
