import type { App } from "./app.svelte.ts";
import { LOCALES, type I18n } from "./i18n/i18n.svelte.ts";
import { loadMarkdown } from "./markdown/AnswerText.svelte";

/** What lies over the page from time to time; fetched apart, since the first view needs none of it. */
export const overlays = {
  demo: async () => (await import("./models/DemoBanner.svelte")).default,
  history: async () => (await import("./history/HistoryPanel.svelte")).default,
  settings: async () => (await import("./settings/SettingsPanel.svelte")).default,
  transfer: async () => (await import("./transfer/TransferPanel.svelte")).default,
  shortcuts: async () => (await import("./settings/ShortcutsPanel.svelte")).default,
  document: async () => (await import("./documents/DocumentDialog.svelte")).default,
  lightbox: async () => (await import("./ui/Lightbox.svelte")).default,
  table: async () => (await import("./tables/TableDialog.svelte")).default,
  batch: async () => (await import("./batch/BatchPage.svelte")).default,
  picker: async () => (await import("./presets/PresetPicker.svelte")).default,
  presets: async () => (await import("./presets/PresetsPanel.svelte")).default,
  signInLine: async () => (await import("./session/SignInLine.svelte")).default,
  signIn: async () => (await import("./session/SignIn.svelte")).default,
  admin: async () => (await import("./admin/AdminPage.svelte")).default,
  words: async () => (await import("./presets/WordsPanel.svelte")).default,
  compare: async () => (await import("./compare/CompareDialog.svelte")).default,
};

/** A part that lies over the page, with the texts that only such parts use. */
export async function withTexts<Load extends () => Promise<unknown>>(
  i18n: I18n,
  load: Load,
): Promise<Awaited<ReturnType<Load>>> {
  const [part] = await Promise.all([load(), i18n.loadLate().catch(() => undefined)]);
  return part as Awaited<ReturnType<Load>>;
}

/** Have all that is fetched apart, so that it is there at once, and also while the gateway is away. */
export async function fetchRest(app: App): Promise<void> {
  await Promise.all([
    loadMarkdown(),
    import("./chat/ImageStrip.svelte"),
    ...Object.values(overlays).map((load) => load()),
    import("./rest.ts").then(({ startRest }) => startRest(app)),
    ...LOCALES.map((locale) => app.i18n.loadLate(locale)),
  ]);
}
