import type { Client } from "./client.ts";

/** A page that fails in a loop must not flood the log. */
const MOST = 20;

/** Send uncaught errors of the page to the gateway's log. */
export function reportErrors(target: Window, client: Client): void {
  const seen = new Set<string>();
  const report = (cause: unknown) => {
    const message = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    if (seen.has(message) || seen.size >= MOST) return;
    seen.add(message);
    const stack = cause instanceof Error ? (cause.stack ?? "") : "";
    void client.log({ level: "error", message, request_id: null, context: { stack: stack.slice(0, 4000) } });
  };
  target.addEventListener("error", (event) => {
    report(event.error ?? event.message);
  });
  target.addEventListener("unhandledrejection", (event) => {
    report(event.reason);
  });
}
