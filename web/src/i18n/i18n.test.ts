// @vitest-environment jsdom
import { describe, expect, it } from "vitest";
import { en } from "./en.ts";
import { I18n, preferredLocale, type Key, type Language } from "./i18n.svelte.ts";
import { lateEn } from "./late.en.ts";
import { lateZhCN } from "./late.zh-CN.ts";
import { zhCN, type Phrase } from "./zh-CN.ts";

const CHINESE: Record<Key, Phrase> = { ...zhCN, ...lateZhCN };
const ENGLISH: Record<Key, Phrase> = { ...en, ...lateEn };

const forms = (phrase: Phrase) => (typeof phrase === "string" ? [phrase] : [phrase.one, phrase.other]);
const slots = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();

async function inLanguage(language: Language, late = false): Promise<I18n> {
  const i18n = new I18n(() => language);
  await i18n.load();
  if (late) await i18n.loadLate();
  return i18n;
}

describe("the two languages", () => {
  it("fill in the same things", () => {
    for (const key of Object.keys(CHINESE) as Key[]) {
      const wanted = slots(forms(CHINESE[key])[0] ?? "");
      for (const text of [...forms(CHINESE[key]), ...forms(ENGLISH[key])]) expect([key, slots(text)]).toEqual([key, wanted]);
    }
  });

  it("leave nothing empty", () => {
    for (const phrases of [CHINESE, ENGLISH]) {
      for (const [key, phrase] of Object.entries(phrases)) for (const text of forms(phrase)) expect(text, key).not.toBe("");
    }
  });
});

describe("I18n", () => {
  it("chooses the first language that it has", () => {
    expect(preferredLocale(["fr-FR", "zh-TW", "en-US"])).toBe("zh-CN");
    expect(preferredLocale(["en-GB", "zh-CN"])).toBe("en");
    expect(preferredLocale(["de", "ja"])).toBe("en");
    expect(preferredLocale([])).toBe("en");
  });

  it("fills in numbers and plural forms", async () => {
    const english = await inLanguage("en", true);
    expect(english.t("history.count", { n: 1 })).toBe("1 chat");
    expect(english.t("history.count", { n: 1234 })).toBe("1,234 chats");
    expect((await inLanguage("zh-CN", true)).t("history.count", { n: 1 })).toBe("1 个对话");
  });

  it("leaves a slot alone that nothing was given for, and does not fill in twice", async () => {
    const english = await inLanguage("en", true);
    expect(english.t("history.none", {})).toBe("Nothing found for “{query}”.");
    expect(english.t("history.none", { query: "{query}" })).toBe("Nothing found for “{query}”.");
  });

  it("has the texts that come late once they are asked for", async () => {
    const english = await inLanguage("en");
    expect(english.t("batch.run")).toBe("");
    await english.loadLate();
    expect(english.t("batch.run")).toBe("Run");
    await english.load();
    expect(english.t("batch.run")).toBe("Run");
  });

  it("knows which keys there are", async () => {
    const english = await inLanguage("en");
    expect(english.maybe("error.invalid_image")).not.toBeNull();
    expect(english.maybe("error.no_such_code")).toBeNull();
  });

  it("tells sizes as file managers do", async () => {
    const english = await inLanguage("en");
    expect([1, 999, 1000, 18_725, 999_999, 2_450_000, 96_000_000].map((size) => english.bytes(size))).toEqual([
      "1 byte",
      "999 bytes",
      "1.0 kB",
      "19 kB",
      "1.0 MB",
      "2.5 MB",
      "96 MB",
    ]);
  });
});
