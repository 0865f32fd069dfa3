import type { Phrase } from "./zh-CN.ts";

/** Boxes on pictures, zoom, and questions about a part of a picture. */
export const boxesZhCN = {
  "zoom.view": "{name}，可缩放：按 + 和 - 缩放，0 适合窗口，方向键移动，双击放大",
  "zoom.group": "缩放",
  "zoom.in": "放大",
  "zoom.out": "缩小",
  "zoom.toggle": "{percent}%，点一下在全图和放大之间切换",
  "zoom.gone": "这张图片（{name}）已不在这个浏览器里。",

  "boxes.group": "图上的 {n} 处标注，用方向键逐个查看",
  "boxes.box": "方框 {number} {label}",
  "boxes.point": "点 {number} {label}",
  "boxes.unnamed": "回答没说是哪张图，画在：",
  "boxes.pixels": "坐标按像素理解（数值超过了 1000）。",
  "boxes.cut": "{n} 处标注超出了图片，已在边缘截断。",
  "boxes.enlarge": "放大查看",
  "boxes.save": "保存带标注的图片（PNG，原始尺寸）",
  "boxes.copy": "复制带标注的图片",
  "boxes.copied": "带标注的图片已复制",
  "boxes.failed": "带标注的图片没能生成：{message}",
  "boxes.fileSuffix": "标注",
  "boxes.hide": "隐藏标注",
  "boxes.show": "显示标注",

  "shortcuts.zoom": "查看大图时：放大、缩小、适合窗口",
  "shortcuts.region": "查看大图时：选一块区域提问",

  "region.start": "选一块区域提问",
  "region.title": "选中的区域",
  "region.frame": "选中的区域：左 {x}，上 {y}，宽 {width}，高 {height} 像素。方向键移动，按住 Shift 改大小，按住 Ctrl 每次一像素，回车提问",
  "region.help": "拖动画框；方向键移动，Shift＋方向键改大小",
  "region.tiny": "区域很小，会放大 {factor} 倍再发送，好让模型看清",
  "region.full": "一次最多 {max} 张图片，先移走一张",
  "region.ask": "就这块区域提问",
  "region.cancel": "取消",
  "region.enlarged": "选中的区域只有 {width} × {height} 像素，已放大 {factor} 倍。",
} as const satisfies Record<string, Phrase>;
