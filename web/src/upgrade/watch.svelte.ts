import type { App } from "../app.svelte.ts";

/** How often a page that nobody looks at asks itself whether it may load the new version. */
const LOOK_MS = 2000;

/** Another version of huiyan takes over while this page is open, or has done so. */
export class UpgradeWatch {
  readonly #app: App;
  readonly #reload: () => void;
  /** The gateway's version when this page was loaded from it. */
  #own = $state<string | null>(null);
  /** The version that is taking over now. */
  readonly coming: string | null = $derived.by(() => {
    const engine = this.#app.gateway.engine;
    return engine?.code === "upgrading" ? engine.detail : null;
  });
  /** The version that serves now, where it is not the one that this page came with. */
  readonly newer: string | null = $derived.by(() => {
    const version = this.#app.gateway.info?.version ?? null;
    return this.#own !== null && version !== null && version !== this.#own ? version : null;
  });

  constructor(app: App, reload: () => void) {
    this.#app = app;
    this.#reload = reload;
  }

  /** Within a component, for as long as it lives. */
  follow(): void {
    $effect(() => {
      this.#own ??= this.#app.gateway.info?.version ?? null;
    });
    $effect(() => {
      if (this.newer === null) return;
      const timer = setInterval(() => {
        if (document.hidden && this.idle) this.#reload();
      }, LOOK_MS);
      return () => {
        clearInterval(timer);
      };
    });
  }

  /** Nothing is being typed, written or looked at: nobody would notice that the page was loaded anew. */
  get idle(): boolean {
    const { composer, outbox, documents, shop, overlay, lightbox, table } = this.#app;
    const covered = overlay !== null || lightbox !== null || table !== null || documents.current !== null || shop.covers;
    return composer.empty && composer.editing === null && outbox.pending === 0 && !covered;
  }

  /** What is typed and what is being written is on disk, and is there again on the new page. */
  reload(): void {
    this.#app.flush();
    this.#reload();
  }
}
