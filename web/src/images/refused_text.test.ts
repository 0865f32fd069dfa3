import { describe, expect, it } from "vitest";
import { en } from "../i18n/en.ts";
import type { I18n } from "../i18n/i18n.svelte.ts";
import { zhCN } from "../i18n/zh-CN.ts";
import { refusedTexts, type Refused } from "./refused_text.ts";

const LIMITS = { maxBytes: 20_000_000, maxPixels: 100_000_000 };

/** As far as these sentences need one: no plural forms. */
function speaking(locale: "en" | "zh-CN"): I18n {
  const texts: Record<string, unknown> = locale === "en" ? en : zhCN;
  const t = (key: string, values: Record<string, string | number> = {}) =>
    String(texts[key]).replaceAll(/\{(\w+)\}/g, (_, name: string) => String(values[name]));
  return { locale, t, bytes: (n: number) => `${n / 1e6} MB` } as unknown as I18n;
}

const files = (reason: Refused["reason"], ...names: string[]): Refused[] =>
  names.map((name) => ({ name, sizeBytes: 35_000_000, reason }));

describe("refused files", () => {
  it("of one reason are told of together, with its remedy", () => {
    const texts = refusedTexts(speaking("zh-CN"), files("heic", "1.heic", "2.heic", "3.heic", "4.heic", "5.heic"), LIMITS);
    expect(texts).toHaveLength(1);
    expect(texts[0]).toContain("“1.heic”、“2.heic”、“3.heic”等 5 个文件");
    expect(texts[0]).toContain("另存为 JPEG");
    expect(texts[0]).not.toContain("4.heic");
  });

  it("of several reasons are told apart, in the order of the first of each", () => {
    const refused = [...files("tiff", "a.tif"), ...files("empty", "b.png"), ...files("tiff", "c.tif")];
    const [tiff, empty, more] = refusedTexts(speaking("en"), refused, LIMITS);
    expect(tiff).toMatch(/“a\.tif”, “c\.tif”.*TIFF.*PNG or JPEG/s);
    expect(empty).toContain("“b.png”");
    expect(more).toBeUndefined();
  });

  it("that are too large say how large, and what the limit is", () => {
    expect(refusedTexts(speaking("en"), files("bytes", "big.png"), LIMITS)[0]).toMatch(/“big\.png \(35 MB\)”.*20 MB/);
    expect(refusedTexts(speaking("zh-CN"), files("pixels", "big.png"), LIMITS)[0]).toContain("10000 万像素");
  });

  it.each(["empty", "bytes", "pixels", "not_image", "heic", "tiff", "pdf", "video", "svg", "unreadable", "storage"] as const)(
    "have a sentence for %s in both languages",
    (reason) => {
      for (const locale of ["en", "zh-CN"] as const) {
        const [text] = refusedTexts(speaking(locale), files(reason, "x.y"), LIMITS);
        expect(text).toContain("“x.y");
        expect(text).not.toMatch(/undefined|\{/);
      }
    },
  );
});
