import type { richZhCN } from "./rich.zh-CN.ts";
import type { Phrase } from "./zh-CN.ts";

export const richEn: Record<keyof typeof richZhCN, Phrase> = {
  "rich.diagram": "Diagram; its source is below",
  "rich.source": "Source of the diagram",
  "rich.copyAs": "Copy as…",
  "rich.copyMarkdown": "Markdown",
  "rich.copyPlain": "Plain text",
  "rich.copyRich": "Formatted text, for Word and mail",
  "tables.open": "Open as grid",
};
