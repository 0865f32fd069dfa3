import { untrack } from "svelte";
import { ApiError } from "../api/errors.ts";
import type { ServerEvent } from "../api/sse.ts";
import type { PluginInfo, ToolInfo, ToolList } from "./types.ts";
import type { App } from "../app.svelte.ts";
import { listTools } from "./api.ts";
import { ToolRun } from "./run.svelte.ts";

export interface Tool {
  /** `plugin/tool` */
  id: string;
  plugin: PluginInfo;
  info: ToolInfo;
}

/** The tools that there are, as the gateway says, and what was done with them on this page. */
export class ToolBox {
  readonly #app: App;
  #list = $state.raw<ToolList | null>(null);
  readonly tools: readonly Tool[] = $derived(
    (this.#list?.plugins ?? []).flatMap((plugin) =>
      plugin.tools.map((info) => ({ id: `${plugin.name}/${info.name}`, plugin, info })),
    ),
  );
  /** Whose form is open. */
  open = $state<string | null>(null);
  readonly current: Tool | null = $derived(this.tools.find((tool) => tool.id === this.open) ?? null);
  #runs = $state.raw<Readonly<Record<string, ToolRun>>>({});
  #asked = 0;

  constructor(app: App) {
    this.#app = app;
  }

  /** Keep up with the gateway; within a component, for as long as it lives. */
  follow(): void {
    const { gateway } = this.#app;
    const others = gateway.onOther;
    gateway.onOther = (event: ServerEvent) => {
      others(event);
      if (event.event === "tools") void this.refresh();
    };
    $effect(() => {
      if (gateway.connection === "online") untrack(() => void this.refresh());
    });
  }

  /** Ask which tools there are. What cannot be asked stays as it was known. */
  async refresh(): Promise<void> {
    const asked = ++this.#asked;
    let list: ToolList;
    try {
      list = await listTools(this.#app.session.fetch);
    } catch (cause) {
      // A key without this scope: there are no tools for whoever holds it.
      if (cause instanceof ApiError && cause.status === 403 && asked === this.#asked) this.#list = null;
      return;
    }
    if (asked !== this.#asked) return; // a later answer is here already
    const before = this.#list;
    this.#list = list;
    if (before) this.#tell(before, list);
    if (this.open !== null && !this.current) this.open = null;
  }

  /** What was and is done with a tool; kept while the tool is there. */
  run(id: string): ToolRun {
    const known = this.#runs[id];
    if (known) return known;
    const made = new ToolRun();
    this.#runs = { ...this.#runs, [id]: made };
    return made;
  }

  running(id: string): boolean {
    return this.#runs[id]?.running ?? false;
  }

  title(named: { title: { zh: string; en: string } }): string {
    return this.#app.i18n.locale === "en" ? named.title.en : named.title.zh;
  }

  #tell(before: ToolList, now: ToolList): void {
    const { i18n, notices } = this.#app;
    const names = (list: ToolList, others: ToolList) =>
      list.plugins.filter((plugin) => !others.plugins.some((other) => other.name === plugin.name)).map((plugin) => this.title(plugin));
    for (const name of names(now, before)) notices.info(i18n.t("tools.came", { name }));
    for (const name of names(before, now)) notices.info(i18n.t("tools.went", { name }));
    const runs = Object.entries(this.#runs);
    const left = runs.filter(([id]) => this.tools.some((tool) => tool.id === id));
    for (const [id, run] of runs) if (!left.some(([other]) => other === id)) run.cancel();
    this.#runs = Object.fromEntries(left);
  }
}
