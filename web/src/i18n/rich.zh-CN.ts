/** Formulas, diagrams, tables, and copying an answer. */
export const richZhCN = {
  "rich.diagram": "图示，源码在下方",
  "rich.source": "图示源码",
  "rich.copyAs": "复制为…",
  "rich.copyMarkdown": "Markdown",
  "rich.copyPlain": "纯文本",
  "rich.copyRich": "带格式文本（粘贴到 Word、邮件）",
  "tables.open": "打开表格",
} as const;
