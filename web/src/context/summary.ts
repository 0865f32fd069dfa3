import type { I18n } from "../i18n/i18n.svelte.ts";
import type { SentLedger } from "../store/records.ts";

export interface Summary {
  /** "12 messages · 3 pictures · 5,120 of 32,768 tokens" */
  sent: string;
  /** "4 left out · 2 shortened"; empty when everything went whole. */
  shortened: string;
}

/** countedTokens: what the engine said the prompt had; null before it has. */
export function summaryOf(i18n: I18n, sent: SentLedger, countedTokens: number | null): Summary | null {
  const { context } = sent;
  if (!context) return null;
  const parts = [i18n.t("ledger.messages", { n: sent.messages })];
  if (sent.images > 0) parts.push(i18n.t("ledger.images", { n: sent.images }));
  const about = countedTokens === null && !context.exact;
  parts.push(
    i18n.t(about ? "ledger.tokensAbout" : "ledger.tokens", {
      tokens: countedTokens ?? context.tokens,
      limit: context.limitTokens,
    }),
  );
  const cut = context.rows.filter((row) => row.act === "cut").length;
  const inWords = context.rows.reduce((sum, row) => sum + row.imagesDescribed, 0);
  const leftOut = sent.messagesLeftOut;
  const shortened = [
    leftOut > 0 ? i18n.t("ledger.leftOut", { n: leftOut }) : "",
    cut > 0 ? i18n.t("ledger.cut", { n: cut }) : "",
    inWords > 0 ? i18n.t("ledger.described", { n: inWords }) : "",
  ];
  return { sent: parts.join(" · "), shortened: shortened.filter((part) => part !== "").join(" · ") };
}
