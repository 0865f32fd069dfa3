import { LEAST_LIMIT_TOKENS, MOST_LIMIT_TOKENS } from "../context/budget.ts";
import type { OlderPictures } from "../context/plan.ts";
import type { Language } from "../i18n/i18n.svelte.ts";
import type { Sampling, SendMode } from "../store/records.ts";

export type Theme = "system" | "light" | "dark";
export type Measure = "full" | "comfortable";

/** What is kept; also what an export carries. */
export interface Saved {
  language: Language;
  theme: Theme;
  measure: Measure;
  /** How much of a picture is sent, where it is not said for the picture itself. */
  sendMode: SendMode;
  systemPrompt: string;
  /** Null: the model's own default. */
  temperature: number | null;
  topP: number | null;
  maxTokens: number | null;
  /** Tokens that a send may hold; null: the guard's own limit. */
  contextLimit: number | null;
  olderPictures: OlderPictures;
  /** An answer that is empty or repeats itself is asked for once more. */
  secondAttempts: boolean;
}

const DEFAULTS: Saved = {
  language: "auto",
  theme: "system",
  measure: "full",
  sendMode: "detail",
  systemPrompt: "",
  temperature: null,
  topP: null,
  maxTokens: null,
  contextLimit: null,
  olderPictures: "whenNeeded",
  secondAttempts: true,
};

/** `public/boot.js` reads the theme from here before the first paint. */
const STORAGE_KEY = "huiyan.settings";

const oneOf = <T extends string>(value: unknown, options: readonly T[], otherwise: T): T =>
  options.find((option) => option === value) ?? otherwise;

const numberWithin = (value: unknown, low: number, high: number): number | null =>
  typeof value === "number" && value >= low && value <= high ? value : null;

/** Read what was saved, by this page or by an older one: whatever does not fit becomes the default. */
export function parseSettings(json: string | null): Saved {
  let raw: Partial<Record<keyof Saved, unknown>> = {};
  try {
    const parsed: unknown = JSON.parse(json ?? "{}");
    if (typeof parsed === "object" && parsed !== null) raw = parsed;
  } catch {
    // Not JSON: as if nothing was saved.
  }
  return {
    language: oneOf(raw.language, ["auto", "zh-CN", "en"], DEFAULTS.language),
    theme: oneOf(raw.theme, ["system", "light", "dark"], DEFAULTS.theme),
    measure: oneOf(raw.measure, ["full", "comfortable"], DEFAULTS.measure),
    sendMode: oneOf(raw.sendMode, ["fast", "detail", "original"], DEFAULTS.sendMode),
    systemPrompt: typeof raw.systemPrompt === "string" ? raw.systemPrompt : "",
    temperature: numberWithin(raw.temperature, 0, 2),
    topP: numberWithin(raw.topP, 0, 1),
    maxTokens: numberWithin(raw.maxTokens, 1, 1_000_000),
    contextLimit: numberWithin(raw.contextLimit, LEAST_LIMIT_TOKENS, MOST_LIMIT_TOKENS),
    olderPictures: oneOf(raw.olderPictures, ["whenNeeded", "always"], DEFAULTS.olderPictures),
    secondAttempts: raw.secondAttempts !== false,
  };
}

/** The reader's choices; kept in localStorage, which is there before the first paint. */
export class Settings {
  readonly #storage: Storage | null;
  #saved = $state<Saved>(DEFAULTS);

  constructor(storage: Storage | null) {
    this.#storage = storage;
    this.reload();
  }

  /** Another tab changed something. */
  reload(): void {
    this.#saved = parseSettings(this.#storage?.getItem(STORAGE_KEY) ?? null);
  }

  #set(change: Partial<Saved>): void {
    this.#saved = { ...this.#saved, ...change };
    try {
      this.#storage?.setItem(STORAGE_KEY, JSON.stringify(this.#saved));
    } catch {
      // No room or not allowed: the choice lasts until the page is closed.
    }
  }

  get language() {
    return this.#saved.language;
  }
  set language(language: Language) {
    this.#set({ language });
  }
  get theme() {
    return this.#saved.theme;
  }
  set theme(theme: Theme) {
    this.#set({ theme });
  }
  get measure() {
    return this.#saved.measure;
  }
  set measure(measure: Measure) {
    this.#set({ measure });
  }
  get sendMode() {
    return this.#saved.sendMode;
  }
  set sendMode(sendMode: SendMode) {
    this.#set({ sendMode });
  }
  get systemPrompt() {
    return this.#saved.systemPrompt;
  }
  set systemPrompt(systemPrompt: string) {
    this.#set({ systemPrompt });
  }
  get temperature() {
    return this.#saved.temperature;
  }
  set temperature(temperature: number | null) {
    this.#set({ temperature });
  }
  get topP() {
    return this.#saved.topP;
  }
  set topP(topP: number | null) {
    this.#set({ topP });
  }
  get maxTokens() {
    return this.#saved.maxTokens;
  }
  set maxTokens(maxTokens: number | null) {
    this.#set({ maxTokens });
  }

  get contextLimit() {
    return this.#saved.contextLimit;
  }
  set contextLimit(contextLimit: number | null) {
    this.#set({ contextLimit });
  }
  get olderPictures() {
    return this.#saved.olderPictures;
  }
  set olderPictures(olderPictures: OlderPictures) {
    this.#set({ olderPictures });
  }
  get secondAttempts() {
    return this.#saved.secondAttempts;
  }
  set secondAttempts(secondAttempts: boolean) {
    this.#set({ secondAttempts });
  }

  /** What a request says; what is left to the model is left out. */
  get sampling(): Sampling {
    const { temperature, topP, maxTokens } = this.#saved;
    return {
      ...(temperature === null ? {} : { temperature }),
      ...(topP === null ? {} : { top_p: topP }),
      ...(maxTokens === null ? {} : { max_tokens: maxTokens }),
    };
  }

  /** All of it, for an export. */
  get saved(): Saved {
    return { ...this.#saved };
  }

  /** Nothing was ever chosen here. */
  get untouched(): boolean {
    return JSON.stringify(this.#saved) === JSON.stringify(DEFAULTS);
  }

  /** Take all over from somewhere else. */
  replace(saved: Saved): void {
    this.#set(saved);
  }

  resetSampling(): void {
    this.#set({ temperature: null, topP: null, maxTokens: null });
  }
}

/** localStorage, or null where the browser forbids even looking at it. */
export function localStorageOrNull(): Storage | null {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}
