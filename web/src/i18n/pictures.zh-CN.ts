import type { Phrase } from "./zh-CN.ts";

/** What can go wrong with a picture, but hardly ever does. */
export const picturesZhCN = {
  "error.image_timeout": "有一张图片解码太久，没有完成。",
  "error.image_decoder_failed": "有一张图片让解码程序中途退出了。",
  "hint.image_timeout": "用看图软件缩小它，另存为 JPEG 或 PNG，再修改后重发。",
  "hint.image_decoder_failed": "用看图软件打开它，另存为 PNG 或 JPEG，再修改后重发。",
} as const satisfies Record<string, Phrase>;
