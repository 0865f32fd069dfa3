import type { App } from "../app.svelte.ts";
import { namesText, refusedTexts } from "../images/refused_text.ts";
import type { Piece } from "./composer.svelte.ts";

/** Add files to the strip, from wherever they came, and say which were not taken. */
export async function addFiles(app: App, files: readonly (File | Piece)[]): Promise<void> {
  if (files.length === 0) return;
  if (files.every((file) => file instanceof File) && app.shop.takeFiles(files)) return;
  const { i18n, composer, notices, shop } = app;
  const refusals = await composer.add(app.documents.take(files));
  const { maxImages, maxImageBytes: maxBytes, maxImagePixels: maxPixels } = composer.limits();
  for (const refusal of refusals) {
    if (refusal.reason !== "full") continue;
    const text = i18n.t("strip.full", { max: maxImages, names: namesText(i18n, refusal.files.map(({ name }) => ({ name }))) });
    notices.problem(shop.offer(refusal.files, text));
  }
  const refused = refusals.flatMap((refusal) =>
    refusal.reason === "full" ? [] : [{ name: refusal.file.name, sizeBytes: refusal.file.size, reason: refusal.reason }],
  );
  for (const text of refusedTexts(i18n, refused, { maxBytes, maxPixels })) notices.problem(text);
}
