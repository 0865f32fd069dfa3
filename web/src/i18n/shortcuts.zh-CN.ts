import type { Phrase } from "./zh-CN.ts";

/** The list of keyboard shortcuts, which lies over the page. */
export const shortcutsZhCN = {
  "shortcuts.title": "快捷键",
  "shortcuts.send": "发送",
  "shortcuts.newline": "换行",
  "shortcuts.history": "打开历史记录",
  "shortcuts.newChat": "新对话",
  "shortcuts.settings": "打开设置",
  "shortcuts.stop": "停止回答，或放弃修改",
  "shortcuts.focus": "回到输入框",
  "shortcuts.editLast": "输入框为空时，修改上一条提问",
  "shortcuts.attach": "添加图片",
  "shortcuts.paste": "粘贴图片",
  "shortcuts.sheet": "显示这张表",
  "shortcuts.reorder": "调整选中图片的顺序",
  "shortcuts.removeImage": "移除选中的图片",
  "shortcuts.lightbox": "看大图时换一张",
  "shortcuts.presets": "输入框空白时：打开文案预设",
} satisfies Record<string, Phrase>;
