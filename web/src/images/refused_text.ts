import type { I18n } from "../i18n/i18n.svelte.ts";
import type { ImageLimits } from "./prepare.ts";
import type { RefusalReason } from "./refusal.ts";

const MEGAPIXEL = 1_000_000;
/** 万: Chinese counts in ten thousands. */
const MYRIAD = 10_000;
/** Names that a word of refusal tells; of a folder full of files nobody reads more. */
const MOST_NAMES = 3;

export interface Refused {
  name: string;
  sizeBytes?: number;
  reason: RefusalReason | "storage";
}

/** “a.png”、“b.png” 等 12 个文件. */
export function namesText(i18n: I18n, files: readonly { name: string; sizeBytes?: number }[]): string {
  const quoted = files.slice(0, MOST_NAMES).map(({ name, sizeBytes }) => {
    const told = sizeBytes === undefined ? name : i18n.t("refused.sized", { name, size: i18n.bytes(sizeBytes) });
    return `“${told}”`;
  });
  const names = quoted.join(i18n.t("refused.and"));
  return files.length > MOST_NAMES ? i18n.t("refused.more", { names, n: files.length }) : names;
}

/** Files that were refused for the same reason, in the order of the first of each. */
export function byReason<T extends { reason: string }>(refused: readonly T[]): T[][] {
  const groups = new Map<string, T[]>();
  for (const each of refused) groups.set(each.reason, [...(groups.get(each.reason) ?? []), each]);
  return [...groups.values()];
}

/** One sentence for each reason, with what to do about it: that much is read of a whole folder, too. */
export function refusedTexts(i18n: I18n, refused: readonly Refused[], limits: ImageLimits): string[] {
  return byReason(refused).map((files) => {
    const reason = files[0]?.reason ?? "unreadable";
    const names = namesText(i18n, reason === "bytes" ? files : files.map(({ name }) => ({ name })));
    if (reason === "bytes") return i18n.t("refused.bytes", { names, max: i18n.bytes(limits.maxBytes) });
    if (reason === "pixels") {
      return i18n.t("refused.pixels", { names, max: limits.maxPixels / (i18n.locale === "en" ? MEGAPIXEL : MYRIAD) });
    }
    return i18n.t(`refused.${reason}`, { names });
  });
}
