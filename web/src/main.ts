import { mount } from "svelte";
import { openApp, openSettings } from "./app.svelte.ts";
import { reportErrors } from "./api/report.ts";
import "./styles/base.css";
import "./styles/markdown.css";
import "./styles/print.css";
import Fatal from "./Fatal.svelte";
import Page from "./Page.svelte";
import { storageError } from "./store/db.ts";

async function main(target: HTMLElement): Promise<void> {
  const { settings, i18n } = openSettings();
  try {
    const [app] = await Promise.all([openApp(settings, i18n), i18n.load()]);
    reportErrors(window, app.client);
    mount(Page, { target, props: { app } });
    await app.start();
  } catch (cause) {
    target.replaceChildren();
    mount(Fatal, { target, props: { i18n, problem: storageError(cause).problem } });
    throw cause;
  }
}

const target = document.getElementById("app");
if (target) void main(target);
