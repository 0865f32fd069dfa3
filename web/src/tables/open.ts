import type { App } from "../app.svelte.ts";

/** A table of an answer that is open as a grid. */
export interface TableView {
  messageId: string;
  /** Place among the tables of the message, from 0. */
  index: number;
  /** The box around it on the page, as it was when it was opened. */
  frame: Element;
}

/** Attached to the text of an answer: its tables' buttons open them. */
export function tableButtons(app: App, messageId: string): (root: HTMLElement) => () => void {
  return (root) => {
    const onClick = (event: Event) => {
      const button = event.target instanceof Element ? event.target.closest(".md-open") : null;
      const frame = button?.closest(".md-box");
      if (!frame) return;
      const index = [...root.querySelectorAll(".md-open")].findIndex((other) => other === button);
      app.table = { messageId, index, frame };
    };
    root.dataset["tables"] = "";
    root.addEventListener("click", onClick);
    return () => {
      root.removeEventListener("click", onClick);
    };
  };
}
