import type { transferZhCN } from "./transfer.zh-CN.ts";
import type { Phrase } from "./zh-CN.ts";

export const transferEn: Record<keyof typeof transferZhCN, Phrase> = {};
