import { mount } from "svelte";
import type { App } from "../app.svelte.ts";
import CallList from "./CallList.svelte";
import ToolBar from "./ToolBar.svelte";
import { ToolBox } from "./box.svelte.ts";

/** Put the tools beside the composer, once the page stands. It shows nothing where there are none. */
export function startTools(app: App): void {
  app.chat.calls = CallList;
  // The row of buttons below what is typed; other rows come and go.
  const bar = document.querySelector("#composer-input")?.nextElementSibling;
  if (!bar?.parentElement) return;
  const box = new ToolBox(app);
  mount(ToolBar, { target: bar.parentElement, anchor: bar, props: { app, box } });
}
