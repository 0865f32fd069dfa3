import type { Key, Phrase } from "./zh-CN.ts";

export type { Key } from "./zh-CN.ts";

export type Locale = "zh-CN" | "en";
export const LOCALES: readonly Locale[] = ["zh-CN", "en"];
export type Language = Locale | "auto";

type Phrases = Readonly<Partial<Record<Key, Phrase>>>;

/** Each language is a file of its own, so that a reader fetches one. */
const LOADERS: Record<Locale, () => Promise<Phrases>> = {
  "zh-CN": async () => (await import("./zh-CN.ts")).zhCN,
  en: async () => (await import("./en.ts")).en,
};

/** What a plain chat does not show. */
const LATE_LOADERS: Record<Locale, () => Promise<Phrases>> = {
  "zh-CN": async () => (await import("./late.zh-CN.ts")).lateZhCN,
  en: async () => (await import("./late.en.ts")).lateEn,
};

/** The first of the browser's languages that there is a translation for. */
export function preferredLocale(languages: readonly string[]): Locale {
  for (const language of languages) {
    if (/^zh\b/i.test(language)) return "zh-CN";
    if (/^en\b/i.test(language)) return "en";
  }
  return "en";
}

/** Texts, numbers and dates in the reader's language. */
export class I18n {
  readonly #language: () => Language;
  readonly locale: Locale = $derived.by(() => {
    const language = this.#language();
    return language === "auto" ? preferredLocale(navigator.languages) : language;
  });
  #lateHere: Partial<Record<Locale, true>> = {};
  #loaded = $state.raw<Partial<Record<Locale, Phrases>>>({});
  /** The other language until the right one has arrived. */
  readonly #phrases = $derived(this.#loaded[this.locale] ?? this.#loaded["zh-CN"] ?? this.#loaded.en);
  readonly #plural = $derived(new Intl.PluralRules(this.locale));
  readonly #number = $derived(new Intl.NumberFormat(this.locale, { maximumFractionDigits: 2 }));
  readonly #date = $derived(new Intl.DateTimeFormat(this.locale, { year: "numeric", month: "short", day: "numeric" }));
  readonly #time = $derived(new Intl.DateTimeFormat(this.locale, { hour: "2-digit", minute: "2-digit" }));

  /** language: the reader's choice; may be reactive. */
  constructor(language: () => Language) {
    this.#language = language;
  }

  /** Fetch a language. Rejects when it cannot be reached. */
  async load(locale: Locale = this.locale): Promise<void> {
    const phrases = await LOADERS[locale]();
    this.#loaded = { ...this.#loaded, [locale]: { ...this.#loaded[locale], ...phrases } };
  }

  /** Fetch the rest of a language, for what goes beyond a plain chat. Rejects when it cannot be reached. */
  async loadLate(locale: Locale = this.locale): Promise<void> {
    const [late] = await Promise.all([LATE_LOADERS[locale](), this.load(locale)]);
    if (this.#lateHere[locale]) return;
    this.#lateHere[locale] = true;
    this.#loaded = { ...this.#loaded, [locale]: { ...this.#loaded[locale], ...late } };
  }

  /** The text for `key`. A parameter `n` chooses the plural form. */
  t(key: Key, parameters: Readonly<Record<string, string | number>> = {}): string {
    const phrase = this.#phrases?.[key] ?? "";
    const n = parameters["n"];
    const template =
      typeof phrase === "string"
        ? phrase
        : phrase[typeof n === "number" && this.#plural.select(n) === "one" ? "one" : "other"];
    return template.replace(/\{(\w+)\}/g, (whole, name: string) => {
      const value = parameters[name];
      if (value === undefined) return whole;
      return typeof value === "number" ? this.number(value) : value;
    });
  }

  /** `t` for a key that was put together and may not exist: null then. */
  maybe(key: string, parameters: Readonly<Record<string, string | number>> = {}): string | null {
    return this.#phrases && key in this.#phrases ? this.t(key as Key, parameters) : null;
  }

  number(value: number): string {
    return this.#number.format(value);
  }

  /** Decimal units, as file managers show them. */
  bytes(size: number): string {
    if (size < 1000) return this.t("unit.bytes", { n: size });
    const units = ["kB", "MB", "GB"];
    let value = size / 1000;
    let unit = 0;
    while (value >= 999.5 && unit < units.length - 1) {
      value /= 1000;
      unit += 1;
    }
    return `${value.toFixed(value < 9.95 ? 1 : 0)} ${units[unit] as string}`;
  }

  date(ms: number): string {
    return this.#date.format(ms);
  }

  time(ms: number): string {
    return this.#time.format(ms);
  }
}
