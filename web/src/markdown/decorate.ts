/** Adds to sanitised nodes what only the page itself may add: a bar with a copy button, a place to scroll. */

export interface DecorationTexts {
  copyCode: string;
  copyTable: string;
  openTable: string;
}

function element<K extends keyof HTMLElementTagNameMap>(tag: K, className: string): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  node.className = className;
  return node;
}

function bar(label: string, copyLabel: string): HTMLElement {
  const node = element("div", "md-bar");
  // Shown by the style sheet: text here would come along when a reader selects and copies the answer.
  const name = element("span", "md-label");
  name.dataset["label"] = label;
  const button = element("button", "md-copy md-label");
  button.type = "button";
  button.dataset["label"] = copyLabel;
  button.setAttribute("aria-label", copyLabel);
  node.append(name, button);
  return node;
}

function box(content: Element, kind: string, label: string, copyLabel: string): void {
  const frame = element("div", `md-box ${kind}`);
  const scroll = element("div", "md-scroll");
  scroll.tabIndex = 0; // what scrolls has to be reachable by keyboard
  content.replaceWith(frame);
  scroll.append(content);
  frame.append(bar(label, copyLabel), scroll);
}

export function decorate(root: ParentNode, texts: DecorationTexts): void {
  for (const pre of root.querySelectorAll("pre")) {
    const language = /^language-(\S+)$/.exec(pre.querySelector("code")?.className ?? "")?.[1] ?? "";
    box(pre, "md-code", language, texts.copyCode);
  }
  for (const table of root.querySelectorAll("table")) box(table, "md-table", "", texts.copyTable);
  for (const frame of root.querySelectorAll(".md-box")) {
    if (tableOf(frame)) frame.querySelector(".md-copy")?.before(openButton(texts.openTable));
  }
}

/** The table in a box: a real one, or the source of one. */
function tableOf(frame: Element): boolean {
  return frame.classList.contains("md-table") || /^\s*(<!doctype|<html|<table)[\s\S]*<tr/i.test(frame.querySelector("pre")?.textContent ?? "");
}

/** Opens a table as a grid, where somebody listens for that (`tableButtons`). */
function openButton(label: string): HTMLElement {
  const button = element("button", "md-open md-label");
  button.type = "button";
  button.dataset["label"] = label;
  button.setAttribute("aria-label", label);
  return button;
}

/** A table as tab-separated values, which spreadsheets take as cells. */
export function tableAsTsv(table: HTMLTableElement): string {
  return [...table.rows]
    .map((row) => [...row.cells].map((cell) => cell.innerText.replace(/[\t\n]+/g, " ").trim()).join("\t"))
    .join("\n");
}

/** What the copy button in `target` stands for; null: it is no copy button. */
export function copyTarget(target: EventTarget | null): { text: string; html?: string } | null {
  if (!(target instanceof Element)) return null;
  const frame = target.closest(".md-copy")?.closest(".md-box");
  const table = frame?.querySelector("table");
  if (table) return { text: tableAsTsv(table), html: table.outerHTML };
  const code = frame?.querySelector("pre");
  return code ? { text: code.textContent.replace(/\n$/, "") } : null;
}
