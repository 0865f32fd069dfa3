import type { Phrase } from "./zh-CN.ts";

/** The word about the demo model, and fetching the real one. */
export const modelsZhCN = {
  "demo.title": "正在用内置的小型演示模型回答",
  "demo.text":
    "它只有 2800 万参数，能读中英文的印刷文字、图形、表格、柱状图、价签和商品卡片；看不懂照片，也会出错，请核对结果。",
  "demo.wanted": "要用的是 {model}，但它的文件不在这台机器上，所以先由内置模型回答。",
  "demo.planned": "这台机器适合运行 {model}；下载之前先由内置模型回答。",
  "demo.dismiss": "收起",
  "fetch.start": "下载 {model}",
  "fetch.startSize": "下载 {model}（约 {size}）",
  "fetch.resume": "接着下载",
  "fetch.cancel": "停止下载",
  "fetch.progress": "{model} 的下载进度",
  "fetch.of": "{done} / {total}",
  "fetch.rate": "{rate}/秒",
  "fetch.seconds": { one: "约剩 {n} 秒", other: "约剩 {n} 秒" },
  "fetch.minutes": { one: "约剩 {n} 分钟", other: "约剩 {n} 分钟" },
  "fetch.hours": { one: "约剩 {n} 小时", other: "约剩 {n} 小时" },
  "fetch.preparing": "正在准备下载 {model}…",
  "fetch.running": "正在下载 {model}",
  "fetch.checking": "正在校验 {model}…",
  "fetch.installing": "{model} 已下载，正在安装运行它的引擎…",
  "fetch.cancelled": "下载已停止。已有的部分保留着，可以接着下载。",
  "fetch.failed": "没有下载成：{message}",
  "fetch.restart": "{model} 已下载。重启后使用：huiyan stop，然后 huiyan start --model {model}",
  "fetch.switch": "{model} 已下载，正在切换过去。",
  "fetch.ask": "请管理员下载它：huiyan models pull {model}",
} as const satisfies Record<string, Phrase>;
