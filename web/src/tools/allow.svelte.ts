import type { App } from "../app.svelte.ts";
import { saveConversation } from "../store/conversations.ts";

/** Whether the model may call tools, for each conversation by itself; also for one that is yet to begin. */
export class Allowance {
  readonly #app: App;
  #nextMs = $state<number | null>(null);
  readonly on: boolean = $derived.by(() => {
    const open = this.#app.chat.open;
    return open ? open.conversation.tools === true : this.#nextMs !== null;
  });

  /** offered: there are tools now. */
  constructor(app: App, offered: () => boolean) {
    this.#app = app;
    app.chat.extra = () => (this.on && offered() ? { huiyan: { tools: { allow: ["*"] } } } : {});
  }

  async set(on: boolean): Promise<void> {
    if (this.#app.chat.open) await this.#keep(on);
    else this.#nextMs = on ? Date.now() : null;
  }

  /** The first question has made a conversation: what was chosen before is its choice. */
  adopt(): void {
    const open = this.#app.chat.open;
    if (!open || this.#nextMs === null) return;
    const begun = open.conversation.createdMs >= this.#nextMs && open.conversation.tools === undefined;
    this.#nextMs = null;
    if (begun) void this.#keep(true).catch(this.#app.reportProblem);
  }

  async #keep(tools: boolean): Promise<void> {
    const { chat, db, history, tabs } = this.#app;
    if (!chat.open) return;
    const conversation = { ...chat.open.conversation, tools };
    chat.open.conversation = conversation;
    history.put(conversation);
    await saveConversation(db, conversation);
    tabs.tell({ type: "conversation", conversationId: conversation.id });
  }
}
