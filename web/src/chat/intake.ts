import type { App } from "../app.svelte.ts";
import type { Piece, Refusal } from "./composer.svelte.ts";

const MEGAPIXEL = 1_000_000;
/** 万: Chinese counts in ten thousands. */
const MYRIAD = 10_000;

function sentence(app: App, refusal: Refusal): string {
  const { i18n, composer } = app;
  const { maxImages, maxImagePixels, maxImageBytes } = composer.limits();
  if (refusal.reason === "full") {
    const names = refusal.files.map((file) => file.name).join(i18n.locale === "en" ? ", " : "、");
    return i18n.t("strip.full", { max: maxImages, names });
  }
  const { name, size } = refusal.file;
  switch (refusal.reason) {
    case "bytes":
      return i18n.t("refused.bytes", { name, size: i18n.bytes(size), max: i18n.bytes(maxImageBytes) });
    case "pixels":
      return i18n.t("refused.pixels", {
        name,
        max: maxImagePixels / (i18n.locale === "en" ? MEGAPIXEL : MYRIAD),
      });
    default:
      return i18n.t(`refused.${refusal.reason}`, { name });
  }
}

/** Add files to the strip, from wherever they came, and say which were not taken. */
export async function addFiles(app: App, files: readonly (File | Piece)[]): Promise<void> {
  if (files.length === 0) return;
  if (files.every((file) => file instanceof File) && app.shop.takeFiles(files)) return;
  for (const refusal of await app.composer.add(app.documents.take(files))) {
    const text = sentence(app, refusal);
    app.notices.problem(refusal.reason === "full" ? app.shop.offer(refusal.files, text) : text);
  }
}
