import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { hasOtherColours } from "./colour.ts";

const bytes = (...parts: (string | number[])[]) =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === "string" ? [...part].map((c) => c.charCodeAt(0)) : part)));
const jpeg = (profile: string) => bytes([0xff, 0xd8, 0xff, 0xe2, 0, 0], "ICC_PROFILE\0", [1, 1], profile, new Array<number>(50).fill(0));
const png = (name: string) => bytes([0x89], "PNG\r\n\u001a\n", new Array<number>(25).fill(0), "iCCP", name, [0, 0], "zlib", new Array<number>(90).fill(0));

describe("hasOtherColours", () => {
  it("knows sRGB by its names, in ASCII and in UTF-16", () => {
    expect(hasOtherColours(jpeg("desc sRGB IEC61966-2.1"), "image/jpeg")).toBe(false);
    expect(hasOtherColours(jpeg("mluc\0s\0R\0G\0B"), "image/jpeg")).toBe(false);
    expect(hasOtherColours(jpeg("desc c2ci"), "image/jpeg")).toBe(false);
    expect(hasOtherColours(png("sRGB"), "image/png")).toBe(false);
  });

  it("tells other profiles", () => {
    expect(hasOtherColours(jpeg("desc Display P3"), "image/jpeg")).toBe(true);
    expect(hasOtherColours(jpeg("desc Adobe RGB (1998)"), "image/jpeg")).toBe(true);
    expect(hasOtherColours(png("Display P3"), "image/png")).toBe(true);
    expect(hasOtherColours(bytes("RIFF    WEBPVP8X          ICCP    Display P3", new Array<number>(50).fill(0)), "image/webp")).toBe(true);
  });

  it("takes a picture without a profile for sRGB", () => {
    expect(hasOtherColours(new Uint8Array(readFileSync("public/samples/sign_en.png")), "image/png")).toBe(false);
    expect(hasOtherColours(bytes([0xff, 0xd8, 0xff, 0xe0], "JFIF"), "image/jpeg")).toBe(false);
    expect(hasOtherColours(new Uint8Array(0), "image/jpeg")).toBe(false);
  });
});
