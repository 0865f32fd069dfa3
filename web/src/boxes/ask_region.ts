import type { App } from "../app.svelte.ts";
import { addFiles } from "../chat/intake.ts";
import { loadImage } from "../store/images.ts";
import type { ImageRef } from "../store/records.ts";
import { crop } from "./crop.ts";
import type { Region } from "./region.ts";

/**
 * Put a part of a picture into the strip, as a picture of its own that knows where it comes from.
 * `number`: of the picture, from 1, where it was seen. True: it is there. Throws: CannotDraw.
 */
export async function askAboutRegion(app: App, image: ImageRef, number: number, region: Region): Promise<boolean> {
  const { i18n, notices, composer } = app;
  const stored = await loadImage(app.db, image.sha256);
  if (!stored) {
    notices.problem(i18n.t("zoom.gone", { name: image.name }));
    return false;
  }
  const { blob, factor } = await crop(stored.blob, region);
  const { x, y, width, height } = region;
  const name = `${i18n.t("strip.number", { n: number })} (${x},${y} ${width}x${height})`;
  const before = composer.images.length;
  await addFiles(app, [
    {
      file: new File([blob], name, { type: blob.type }),
      origin: { sha256: image.sha256, name: image.name, x, y, width, height },
    },
  ]);
  if (composer.images.length === before) return false; // refused, with a word
  if (factor > 1) notices.info(i18n.t("region.enlarged", { width: String(width), height: String(height), factor }));
  return true;
}
