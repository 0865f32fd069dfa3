/** One event of a `text/event-stream`. */
export interface ServerEvent {
  event: string;
  data: string;
}

/**
 * Push parser for an event stream: bytes in, split anywhere (inside a UTF-8 sequence, between CR and
 * LF); whole events out. An event that the stream's end cuts off is dropped, as the standard says.
 *
 * Source: WHATWG HTML, "Interpreting an event stream".
 */
export class SseParser {
  readonly #decoder = new TextDecoder("utf-8"); // drops a leading byte order mark, as it should
  #buffer = "";
  #afterCr = false;
  #event = "";
  #data: string[] = [];

  /** Take `bytes` in; returns the events that they complete. */
  push(bytes: Uint8Array): ServerEvent[] {
    let text = this.#decoder.decode(bytes, { stream: true });
    if (text === "") return [];
    if (this.#afterCr && text.startsWith("\n")) text = text.slice(1);
    this.#afterCr = text === "" ? false : text.endsWith("\r");
    const lines = (this.#buffer + text).split(/\r\n|\r|\n/);
    this.#buffer = lines.pop() ?? "";
    const events: ServerEvent[] = [];
    for (const line of lines) {
      const event = this.#line(line);
      if (event) events.push(event);
    }
    return events;
  }

  #line(line: string): ServerEvent | null {
    if (line === "") {
      const event = this.#data.length > 0 ? { event: this.#event || "message", data: this.#data.join("\n") } : null;
      this.#event = "";
      this.#data = [];
      return event;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return null; // a comment: keep-alive
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line.startsWith(" ", colon + 1) ? colon + 2 : colon + 1);
    if (field === "data") this.#data.push(value);
    else if (field === "event") this.#event = value;
    return null;
  }
}

/** Yield the events of a response body until it ends. Throws what the network throws. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent, void, void> {
  for await (const events of readBatches(body)) yield* events;
}

/** Waits between two batches. */
export type Rest = () => Promise<void>;

/**
 * Yield the events of a response body, those together that arrived while the last ones were dealt with and
 * during the `rest` after them. The first ones are not waited for. Throws what the network throws, after
 * everything that arrived before.
 */
export async function* readBatches(body: ReadableStream<Uint8Array>, rest?: Rest): AsyncGenerator<ServerEvent[], void, void> {
  const parser = new SseParser();
  const reader = body.getReader();
  let arrived: Uint8Array[] = [];
  let wake: (() => void) | null = null;
  const reading = { ended: false, failure: null as { cause: unknown } | null };

  // Read on without pause: what a stream holds unread is lost when it breaks.
  const read = async (): Promise<void> => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      arrived.push(value);
      wake?.();
    }
  };
  void read()
    .catch((cause: unknown) => {
      reading.failure = { cause };
    })
    .finally(() => {
      reading.ended = true;
      wake?.();
    });

  try {
    for (;;) {
      if (arrived.length === 0 && !reading.ended) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        wake = null;
      }
      const { ended } = reading;
      const bytes = joined(arrived);
      arrived = [];
      const events = parser.push(bytes);
      if (events.length > 0) yield events;
      if (ended) break;
      await rest?.();
    }
    if (reading.failure) throw reading.failure.cause;
  } finally {
    // Leaving early (the consumer broke off) must not leave the connection open.
    void reader.cancel().catch(() => undefined);
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0] as Uint8Array;
  const bytes = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
