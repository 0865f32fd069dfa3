import type { imagesZhCN } from "./images.zh-CN.ts";
import type { Phrase } from "./zh-CN.ts";

export const imagesEn: Record<keyof typeof imagesZhCN, Phrase> = {
  "strip.sent": "→ {width} × {height}",
  "strip.sentAsIs": "→ sent as it is",
  "strip.tokens": { one: "{n} token", other: "{n} tokens" },
  "strip.mode": "How picture {n} is sent",
  "strip.mode.fast": "Fast",
  "strip.mode.detail": "Detail",
  "strip.mode.original": "Original",
  "strip.modeHint.fast": "About one megapixel: quick, and saves context",
  "strip.modeHint.detail": "All the detail that the model can use",
  "strip.modeHint.original": "The file as it is, every byte",
  "refused.svg": "Not added: {names}. The browser cannot draw this SVG. Save it as PNG.",
};
