import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { sniff } from "./sniff.ts";

const bytes = (...parts: (string | number[])[]) =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === "string" ? [...part].map((c) => c.charCodeAt(0)) : part)));
const zeros = (count: number) => new Array<number>(count).fill(0);

describe("sniff", () => {
  it("reads a real PNG", () => {
    const png = new Uint8Array(readFileSync("public/samples/product_card_zh.png"));
    expect(sniff(png)).toEqual({ type: "image/png", width: 512, height: 384 });
  });

  it("sees a bomb's pixels in its header alone", () => {
    const header = bytes([0x89], "PNG\r\n", [0x1a, 0x0a, 0, 0, 0, 13], "IHDR", [0, 0, 0x9c, 0x40, 0, 0, 0x9c, 0x40]);
    expect(sniff(header)).toEqual({ type: "image/png", width: 40_000, height: 40_000 });
  });

  it("finds a JPEG's frame behind other segments", () => {
    const app1 = [0xff, 0xe1, 0, 6, 1, 2, 3, 4];
    const frame = [0xff, 0xff, 0xc2, 0, 17, 8, 0x01, 0x00, 0x02, 0x00, 3];
    expect(sniff(bytes([0xff, 0xd8], app1, frame, zeros(10)))).toEqual({ type: "image/jpeg", width: 512, height: 256 });
  });

  it("knows a JPEG that ends before its frame", () => {
    expect(sniff(bytes([0xff, 0xd8, 0xff, 0xe0, 0, 16], zeros(10)))).toMatchObject({ type: "image/jpeg", width: null });
  });

  it("reads the three kinds of WebP", () => {
    const riff = (kind: string, payload: number[]) => bytes("RIFF", zeros(4), "WEBP", kind, zeros(4), payload, zeros(20));
    expect(sniff(riff("VP8X", [0, 0, 0, 0, 0x1f, 0x03, 0, 0x57, 0x02, 0]))).toMatchObject({ width: 800, height: 600 });
    expect(sniff(riff("VP8L", [0x2f, 0x1f, 0xc3, 0x95, 0]))).toMatchObject({ width: 800, height: 600 });
    expect(sniff(riff("VP8 ", [0, 0, 0, 0x9d, 0x01, 0x2a, 0x20, 0x03, 0x58, 0x02]))).toMatchObject({
      width: 800,
      height: 600,
    });
  });

  it("takes the largest picture of an AVIF, which may be a grid of tiles", () => {
    const ispe = (size: number) => bytes([0, 0, 0, 20], "ispe", zeros(4), [0, 0, size, 0, 0, 0, size, 0]);
    const file = bytes([0, 0, 0, 28], "ftypavif", zeros(4), "mif1", [...ispe(2)], [...ispe(8)], zeros(20));
    expect(sniff(file)).toEqual({ type: "image/avif", width: 2048, height: 2048 });
  });

  it.each([
    ["image/gif", bytes("GIF89a", [10, 0, 20, 0], zeros(4))],
    ["image/bmp", bytes("BM", zeros(16), [10, 0, 0, 0, 0xec, 0xff, 0xff, 0xff])],
    ["image/heic", bytes([0, 0, 0, 24], "ftypheic", zeros(4), "mif1heic", zeros(20))],
    ["image/tiff", bytes("II*", [0], zeros(20))],
    ["image/tiff", bytes("MM", [0], "*", zeros(20))],
    ["image/tiff", bytes("II+", [0, 8, 0], zeros(20))],
    ["application/pdf", bytes("%PDF-1.7\n", zeros(20))],
    ["video/mp4", bytes([0, 0, 0, 24], "ftypisom", zeros(20))],
    ["image/svg+xml", bytes('<?xml version="1.0"?><!-- x --><svg xmlns="http://www.w3.org/2000/svg"/>')],
    [null, bytes("<html><body>not a picture</body></html>")],
    [null, bytes("PNG but only in name.........")],
    [null, bytes("short")],
  ])("tells %s", (type, file) => {
    expect(sniff(file).type).toBe(type);
  });

  it("gives a BMP's height as a positive number", () => {
    expect(sniff(bytes("BM", zeros(16), [10, 0, 0, 0, 0xec, 0xff, 0xff, 0xff]))).toMatchObject({ width: 10, height: 20 });
  });

  it("survives every prefix of a file", () => {
    const png = new Uint8Array(readFileSync("public/samples/sign_en.png")).subarray(0, 200);
    for (let length = 0; length < png.length; length++) expect(() => sniff(png.subarray(0, length))).not.toThrow();
  });
});
