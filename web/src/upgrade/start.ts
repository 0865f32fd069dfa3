import { mount } from "svelte";
import type { App } from "../app.svelte.ts";
import UpgradeLine from "./UpgradeLine.svelte";
import { UpgradeWatch } from "./watch.svelte.ts";

/** Say at the top of the page when another version takes over. It shows nothing otherwise. */
export function startUpgrade(app: App): void {
  const lines = document.querySelector(".lines");
  if (!lines) return;
  const watch = new UpgradeWatch(app, () => {
    location.reload();
  });
  mount(UpgradeLine, { target: lines, props: { app, watch } });
}
