import type { FetchStatus } from "../api/types.ts";
import type { I18n } from "../i18n/i18n.svelte.ts";

/** As far as it is shown. */
export type Progress = Pick<FetchStatus, "done_bytes" | "total_bytes" | "rate_bytes_per_s" | "eta_s">;

/** How much of it is here, 0 to 1; null while that is not known. */
export function share(fetching: Progress): number | null {
  if (fetching.total_bytes <= 0) return null;
  return Math.min(1, fetching.done_bytes / fetching.total_bytes);
}

/** `1.2 GB of 6.2 GB · 45 MB/s · about 2 minutes left`, as far as it is known. */
export function figures(fetching: Progress, i18n: I18n): string {
  const parts: string[] = [];
  if (fetching.total_bytes > 0) {
    parts.push(i18n.t("fetch.of", { done: i18n.bytes(fetching.done_bytes), total: i18n.bytes(fetching.total_bytes) }));
  }
  if (fetching.rate_bytes_per_s > 0) parts.push(i18n.t("fetch.rate", { rate: i18n.bytes(fetching.rate_bytes_per_s) }));
  if (fetching.eta_s !== null && fetching.rate_bytes_per_s > 0) parts.push(left(fetching.eta_s, i18n));
  return parts.join(" · ");
}

function left(seconds: number, i18n: I18n): string {
  if (seconds < 90) return i18n.t("fetch.seconds", { n: Math.max(1, Math.round(seconds)) });
  if (seconds < 5400) return i18n.t("fetch.minutes", { n: Math.round(seconds / 60) });
  return i18n.t("fetch.hours", { n: Math.round(seconds / 3600) });
}
