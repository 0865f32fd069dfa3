import { untrack } from "svelte";
import type { App } from "../app.svelte.ts";
import { whenCalm } from "./calm.ts";
import type { SendRequest } from "./guard.svelte.ts";

/** After the last keystroke: plan, count exactly, and describe pictures, each when it disturbs nobody. */
const PLAN_MS = 150;
const COUNT_MS = 500;
const DESCRIBE_MS = 4000;

/** Pictures are put in words before they have to give way. */
const SOON = 0.6;

/** What sending now would mean. Made by a component, whose life its work shares. */
export class Meter {
  readonly #app: App;
  #request = $state.raw<SendRequest | null>(null);
  /** The reader looks at what would be sent. */
  open = $state(false);
  readonly sent = $derived.by(() => {
    const request = this.#request;
    return request && (this.#app.guard.preview(request)?.sent ?? null);
  });
  readonly context = $derived(this.sent?.context ?? null);
  /** Of the room for the prompt, how much is taken: 0 to 1. */
  readonly share = $derived.by(() => {
    const context = this.context;
    return context ? Math.min(1, context.tokens / (context.limitTokens - context.reservedTokens)) : 0;
  });
  readonly draft = $derived(this.#request?.path.at(-1)?.text ?? "");

  constructor(app: App) {
    this.#app = app;
    $effect(() => this.#follow());
    $effect(() => this.#count());
    $effect(() => this.#describe());
  }

  #follow(): (() => void) | undefined {
    const { chat, composer, gateway, settings } = this.#app;
    if (chat.pending) return; // an answer that grows changes nothing yet
    void [composer.text, composer.items, composer.editing, chat.path, chat.pins, gateway.model];
    void [settings.systemPrompt, settings.sampling];
    let current = true;
    const timer = setTimeout(() => {
      void whenCalm(chat.path).then(() => {
        if (current) this.#request = untrack(() => chat.draftRequest());
      });
    }, PLAN_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }

  #count(): (() => void) | undefined {
    const { gateway, guard, descriptions, reportProblem } = this.#app;
    const request = this.#request;
    if (!request || !gateway.ready) return;
    const timer = setTimeout(() => {
      void guard.warm(request).catch(reportProblem);
      void descriptions.load(request.path).then((found) => this.#learnt(request, found), reportProblem);
    }, COUNT_MS);
    return () => {
      clearTimeout(timer);
    };
  }

  get #needsWords(): boolean {
    const { context } = this;
    if (!context) return false;
    const always = this.#app.settings.olderPictures === "always";
    return always || this.share > SOON || context.rows.some((row) => row.imagesDescribed > 0);
  }

  #describe(): (() => void) | undefined {
    const { chat, gateway, descriptions, reportProblem } = this.#app;
    const request = this.#request;
    if (!request || !this.#needsWords || !gateway.ready || chat.pending) return;
    const abort = new AbortController();
    const timer = setTimeout(() => {
      void descriptions.ask(request.path, abort.signal).then((count) => {
        void this.#learnt(request, count > 0);
      }, reportProblem);
    }, DESCRIBE_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }

  async #learnt(request: SendRequest, something: boolean): Promise<void> {
    if (!something) return;
    await whenCalm(request.path);
    this.#app.guard.revision += 1;
  }
}
