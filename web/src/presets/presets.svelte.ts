import type { I18n, Locale } from "../i18n/i18n.svelte.ts";
import type { Gateway } from "../models/gateway.svelte.ts";
import { localStorageOrNull } from "../settings/settings.svelte.ts";
import type { Database } from "../store/db.ts";
import { newId } from "../store/ids.ts";
import type { BannedWord } from "./banned.ts";
import { DEFAULT_BANNED } from "./banned_words.ts";
import { readPresets, writePresets } from "./exchange.ts";
import type { Preset, StoredPreset } from "./records.ts";

/** What the demo model has learnt to answer. */
const FOR_DEMO = ["info", "read", "table"];

/** Last values of variables by preset, and the preset that a batch begins with. */
const STORAGE_KEY = "huiyan.presets";

interface Remembered {
  last: string | null;
  values: Record<string, Record<string, string>>;
}

const BUILT_IN: Record<Locale, () => Promise<readonly Preset[]>> = {
  "zh-CN": async () => (await import("./builtin.zh-CN.ts")).PRESETS,
  en: async () => (await import("./builtin.en.ts")).PRESETS,
};

/** The presets there are: the built-in ones of the reader's language, changed ones, own ones. */
export class Presets {
  readonly #db: Database;
  readonly #i18n: I18n;
  readonly #gateway: Gateway;
  readonly #storage = localStorageOrNull();
  #builtIn = $state.raw<Record<Locale, readonly Preset[]>>({ "zh-CN": [], en: [] });
  #stored = $state.raw<readonly StoredPreset[]>([]);
  banned = $state.raw<readonly BannedWord[]>(DEFAULT_BANNED);

  readonly #here = $derived.by(() => this.#builtIn[this.#i18n.locale]);
  /** All that are shown, built-in ones first. */
  readonly list: readonly Preset[] = $derived.by(() => {
    // eslint-disable-next-line svelte/prefer-svelte-reactivity -- made anew each time
    const stored = new Map(this.#stored.map((preset) => [preset.id, preset]));
    const builtIn = this.#here.flatMap((preset): Preset[] => {
      const changed = stored.get(preset.id);
      stored.delete(preset.id);
      return changed ? (changed.hidden ? [] : [changed]) : [preset];
    });
    const own = [...stored.values()].filter((preset) => !preset.hidden && !this.isBuiltIn(preset.id));
    return [...builtIn, ...own.sort((a, b) => a.updatedMs - b.updatedMs)];
  });
  /** Those first that the model can follow. */
  readonly ordered: readonly Preset[] = $derived.by(() => {
    if (!this.#gateway.model?.demo) return this.list;
    const rank = (preset: Preset) => (FOR_DEMO.includes(preset.id) ? FOR_DEMO.indexOf(preset.id) : FOR_DEMO.length);
    return [...this.list].sort((a, b) => rank(a) - rank(b));
  });

  constructor(parts: { db: Database; i18n: I18n; gateway: Gateway }) {
    this.#db = parts.db;
    this.#i18n = parts.i18n;
    this.#gateway = parts.gateway;
  }

  async load(): Promise<void> {
    const [zh, en, stored, words] = await Promise.all([
      BUILT_IN["zh-CN"](),
      BUILT_IN.en(),
      this.#db.getAll("presets"),
      this.#db.get("wordLists", "banned"),
    ]);
    this.#builtIn = { "zh-CN": zh, en };
    this.#stored = stored;
    this.banned = words?.words ?? DEFAULT_BANNED;
  }

  get(id: string | null): Preset | null {
    return this.list.find((preset) => preset.id === id) ?? null;
  }

  isBuiltIn(id: string): boolean {
    return this.#here.some((preset) => preset.id === id);
  }

  /** A built-in one that was changed or taken away. */
  isChanged(id: string): boolean {
    return this.isBuiltIn(id) && this.#stored.some((preset) => preset.id === id);
  }

  get hasHidden(): boolean {
    return this.#stored.some((preset) => preset.hidden);
  }

  /** The one that a batch begins with: the last one used if the model can follow it, else the first. */
  get preferred(): Preset | null {
    const last = this.get(this.#remembered().last);
    const demo = this.#gateway.model?.demo ?? false;
    return last && (!demo || FOR_DEMO.includes(last.id)) ? last : (this.ordered[0] ?? null);
  }

  async save(preset: Preset, hidden = false): Promise<void> {
    const id = preset.id || newId();
    const known = this.#stored.find((other) => other.id === id);
    const record: StoredPreset = { ...$state.snapshot(preset), id, hidden, updatedMs: known?.updatedMs ?? Date.now() };
    await this.#db.put("presets", record);
    this.#stored = [...this.#stored.filter((other) => other.id !== id), record];
  }

  /** An own one goes for good; a built-in one can be brought back. */
  async remove(preset: Preset): Promise<void> {
    if (this.isBuiltIn(preset.id)) await this.save(preset, true);
    else await this.restore(preset.id);
  }

  /** Back to the built-in one. */
  async restore(id: string): Promise<void> {
    await this.#db.delete("presets", id);
    this.#stored = this.#stored.filter((preset) => preset.id !== id);
  }

  async restoreHidden(): Promise<void> {
    for (const preset of this.#stored.filter((each) => each.hidden)) await this.restore(preset.id);
  }

  async saveBanned(words: readonly BannedWord[] | null): Promise<void> {
    if (words) await this.#db.put("wordLists", { id: "banned", words: [...words] });
    else await this.#db.delete("wordLists", "banned");
    this.banned = words ?? DEFAULT_BANNED;
  }

  get bannedChanged(): boolean {
    return this.banned !== DEFAULT_BANNED;
  }

  exportJson(): string {
    return writePresets({ presets: [...this.list], bannedWords: [...this.banned] });
  }

  /** Returns how many presets came. One with a known id takes its place. Throws: NotPresets, storage errors. */
  async importJson(json: string): Promise<number> {
    const { presets, bannedWords } = readPresets(json);
    for (const preset of presets) {
      const builtIn = this.#here.find((each) => each.id === preset.id);
      const same = builtIn && JSON.stringify(builtIn) === JSON.stringify(preset);
      if (same) await this.restore(preset.id);
      else await this.save(preset);
    }
    if (bannedWords) {
      const same = JSON.stringify(bannedWords) === JSON.stringify(DEFAULT_BANNED);
      await this.saveBanned(same ? null : bannedWords);
    }
    return presets.length;
  }

  #remembered(): Remembered {
    try {
      const raw = JSON.parse(this.#storage?.getItem(STORAGE_KEY) ?? "{}") as Partial<Remembered>;
      return { last: raw.last ?? null, values: raw.values ?? {} };
    } catch {
      return { last: null, values: {} };
    }
  }

  /** What its variables were set to the last time. */
  lastValues(id: string): Record<string, string> {
    return this.#remembered().values[id] ?? {};
  }

  remember(id: string, values: Record<string, string>): void {
    const { values: known } = this.#remembered();
    try {
      this.#storage?.setItem(STORAGE_KEY, JSON.stringify({ last: id, values: { ...known, [id]: values } }));
    } catch {
      // No room or not allowed: the form begins with the preset's own values next time.
    }
  }
}
