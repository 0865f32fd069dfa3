/** How pictures are sent. */
export const imagesZhCN = {
  "strip.sent": "→ {width} × {height}",
  "strip.sentAsIs": "→ 原样发送",
  "strip.tokens": "{n} 词元",
  "strip.mode": "图{n}的发送尺寸",
  "strip.mode.fast": "快速",
  "strip.mode.detail": "细节",
  "strip.mode.original": "原图",
  "strip.modeHint.fast": "约一百万像素：快，省上下文",
  "strip.modeHint.detail": "模型能用到的全部细节",
  "strip.modeHint.original": "文件原样发送，一个字节不改",
  "refused.svg": "没有添加{names}：浏览器画不出这个 SVG。请另存为 PNG。",
} as const;
