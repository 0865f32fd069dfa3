import type { shopZhCN } from "./shop.zh-CN.ts";
import type { Phrase } from "./zh-CN.ts";

export const shopEn: Record<keyof typeof shopZhCN, Phrase> = {
  "presets.openHint": "Presets (/ in an empty input)",
  "batch.open": "Batch sheets",
  "batch.offer": "“As batch” takes all of them.",
  "compare.open": "Ask differently and compare",
  "compare.openComposer": "Ask two ways (A/B)",
};
