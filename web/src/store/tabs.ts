/** What one tab tells the others that show the same database. */
export type TabMessage =
  | { type: "message"; conversationId: string; messageId: string }
  | { type: "conversation"; conversationId: string }
  /** Many conversations at once. */
  | { type: "history" };

const CHANNEL = "huiyan";

export class Tabs {
  readonly #channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel(CHANNEL);

  tell(message: TabMessage): void {
    this.#channel?.postMessage(message);
  }

  listen(handler: (message: TabMessage) => void): void {
    this.#channel?.addEventListener("message", (event: MessageEvent<TabMessage>) => {
      handler(event.data);
    });
  }
}
