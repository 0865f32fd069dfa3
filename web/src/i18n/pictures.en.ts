import type { picturesZhCN } from "./pictures.zh-CN.ts";
import type { Phrase } from "./zh-CN.ts";

export const picturesEn: Record<keyof typeof picturesZhCN, Phrase> = {
  "error.image_timeout": "One of the pictures took too long to decode.",
  "error.image_decoder_failed": "One of the pictures made the decoder fail.",
  "hint.image_timeout": "Scale it down in a viewer, save it as JPEG or PNG, then edit and resend.",
  "hint.image_decoder_failed": "Open it in a viewer, save it as PNG or JPEG, then edit and resend.",
};
