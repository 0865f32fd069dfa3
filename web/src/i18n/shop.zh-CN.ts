/** What the page shows before anything of the shop is used; the rest is in `shop_late`. */
export const shopZhCN = {
  "presets.openHint": "文案预设（空白时按 /）",
  "batch.open": "批量表",
  "batch.offer": "点“做成批量表”可以全部处理。",
  "compare.open": "换个问法对比",
  "compare.openComposer": "A/B 对比着问",
} as const;
