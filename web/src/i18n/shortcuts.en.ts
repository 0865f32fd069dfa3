import type { shortcutsZhCN } from "./shortcuts.zh-CN.ts";
import type { Phrase } from "./zh-CN.ts";

export const shortcutsEn: Record<keyof typeof shortcutsZhCN, Phrase> = {
  "shortcuts.title": "Keyboard shortcuts",
  "shortcuts.send": "Send",
  "shortcuts.newline": "New line",
  "shortcuts.history": "Open history",
  "shortcuts.newChat": "New chat",
  "shortcuts.settings": "Open settings",
  "shortcuts.stop": "Stop the answer, or discard the edit",
  "shortcuts.focus": "Back to the input",
  "shortcuts.editLast": "With an empty input: edit the last question",
  "shortcuts.attach": "Add pictures",
  "shortcuts.paste": "Paste pictures",
  "shortcuts.sheet": "Show this sheet",
  "shortcuts.reorder": "Move the focused picture",
  "shortcuts.removeImage": "Remove the focused picture",
  "shortcuts.lightbox": "In the enlarged view: another picture",
  "shortcuts.presets": "With an empty input: open the presets",
};
