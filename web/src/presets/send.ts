import type { App } from "../app.svelte.ts";
import type { Presets } from "./presets.svelte.ts";
import type { Preset } from "./records.ts";
import { usePreset, valuesOf } from "./template.ts";

/** Neither the strip nor the conversation holds a picture that a preset could be about. */
export function lacksPicture({ composer, chat }: App): boolean {
  return composer.items.length === 0 && !chat.path.some((live) => live.record.images.length > 0);
}

/**
 * Ask with a preset about the pictures in the strip, or those of the conversation. What stands in the input
 * goes along. False: nothing was sent, and the reader was told why.
 */
export async function sendPreset(
  app: App,
  presets: Presets,
  preset: Preset,
  given?: Readonly<Record<string, string>>,
  extra = app.composer.text,
): Promise<boolean> {
  const { chat, notices, i18n } = app;
  if (lacksPicture(app)) {
    notices.info(i18n.t("presets.needsPicture"));
    return false;
  }
  const values = valuesOf(preset, given ?? presets.lastValues(preset.id));
  presets.remember(preset.id, values);
  return chat.send(usePreset(preset, values, extra));
}
