import { readEvents } from "../api/sse.ts";
import type { AdminApi } from "./api.ts";
import { queryOf, type LogChoice, type LogLine, type LogRecord } from "./log.ts";

/** Older ones leave the page; the file has them all. */
export const MOST_LINES = 1000;
const RETRY_MS = 2000;

/** The live log, newest last. */
export class LiveLog {
  readonly #api: AdminApi;
  lines = $state.raw<readonly LogLine[]>([]);
  state = $state<"connecting" | "live" | "lost">("connecting");
  /** Lines that came while it was paused. */
  held = $state.raw<readonly LogLine[]>([]);
  paused = $state(false);
  problem = $state("");
  #ids = 0;
  #arrived: LogLine[] = [];
  #due = false;

  constructor(api: AdminApi) {
    this.#api = api;
  }

  /** Show what `choice` takes, until the returned function is called. */
  follow(choice: LogChoice): () => void {
    const abort = new AbortController();
    void this.#run(choice, abort.signal);
    return () => {
      abort.abort();
    };
  }

  resume(): void {
    this.paused = false;
    this.lines = [...this.lines, ...this.held].slice(-MOST_LINES);
    this.held = [];
  }

  clear(): void {
    this.lines = [];
    this.held = [];
  }

  async #run(choice: LogChoice, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.state = this.state === "lost" ? "lost" : "connecting";
      try {
        const body = await this.#api.logs(queryOf(choice), signal);
        this.problem = "";
        // It begins with the last lines again, whatever was there.
        this.clear();
        this.#arrived = [];
        for await (const { event, data } of readEvents(body)) {
          if (signal.aborted) return;
          if (event === "log") this.#add({ record: JSON.parse(data) as LogRecord, skipped: 0 });
          else if (event === "skipped") this.#add({ record: null, skipped: (JSON.parse(data) as { lines: number }).lines });
          else if (event === "live") this.state = "live";
        }
      } catch (cause) {
        if (signal.aborted) return;
        this.problem = cause instanceof Error ? cause.message : String(cause);
      }
      this.state = "lost";
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  /** Hundreds of lines may come at once: they are shown together, once a frame. */
  #add(line: Omit<LogLine, "id">): void {
    this.#arrived.push({ id: ++this.#ids, ...line });
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      const arrived = this.#arrived.splice(0);
      if (this.paused) this.held = [...this.held, ...arrived].slice(-MOST_LINES);
      else this.lines = [...this.lines, ...arrived].slice(-MOST_LINES);
    });
  }
}
