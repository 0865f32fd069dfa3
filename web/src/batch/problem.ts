import type { I18n } from "../i18n/i18n.svelte.ts";
import type { MessageError } from "../store/records.ts";

/** In the reader's language where the code is known; the gateway's own words otherwise. */
export function rowProblem(i18n: I18n, error: MessageError | null): { title: string; hint: string } {
  if (!error) return { title: "", hint: "" };
  return {
    title: i18n.maybe(`error.${error.code}`) ?? (error.message || i18n.t("error.other")),
    hint: i18n.maybe(`hint.${error.code}`) ?? error.hint,
  };
}
