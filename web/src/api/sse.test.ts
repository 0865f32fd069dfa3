import { describe, expect, it } from "vitest";
import { readBatches, readEvents, SseParser, type Rest, type ServerEvent } from "./sse.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** Every event of `bytes` when it arrives in pieces of `size`. */
function parseInPieces(bytes: Uint8Array, size: number): ServerEvent[] {
  const parser = new SseParser();
  const events: ServerEvent[] = [];
  for (let at = 0; at < bytes.length; at += size) events.push(...parser.push(bytes.subarray(at, at + size)));
  return events;
}

describe("SseParser", () => {
  const stream = encode(
    ': keep-alive\r\n\r\nevent: engine\r\ndata: {"state":\r\ndata: "ready"}\r\n\r\n' +
      'data: 慧眼看图👁\n\ndata:no space\n\nid: 7\nretry: 10\n\r\revent: late\rdata: cr\r\rdata: [DONE]\n\n',
  );
  const expected = [
    { event: "engine", data: '{"state":\n"ready"}' },
    { event: "message", data: "慧眼看图👁" },
    { event: "message", data: "no space" },
    { event: "late", data: "cr" },
    { event: "message", data: "[DONE]" },
  ];

  it.each([1, 2, 3, 5, 7, 11, 64, 1000])("gives the same events in pieces of %i bytes", (size) => {
    expect(parseInPieces(stream, size)).toEqual(expected);
  });

  it("drops an event that the end cuts off", () => {
    expect(parseInPieces(encode("data: whole\n\ndata: half"), 100)).toEqual([{ event: "message", data: "whole" }]);
  });

  it("drops an event without data and forgets its name", () => {
    expect(parseInPieces(encode("event: ghost\n\ndata: x\n\n"), 100)).toEqual([{ event: "message", data: "x" }]);
  });

  it("does not take the CR and LF of one line end for two, when they come apart", () => {
    const parser = new SseParser();
    expect(parser.push(encode("data: a\r"))).toEqual([]);
    expect(parser.push(encode("\ndata: b\r"))).toEqual([]);
    expect(parser.push(encode("\n\r"))).toEqual([{ event: "message", data: "a\nb" }]);
    expect(parser.push(encode("\ndata: c\n\n"))).toEqual([{ event: "message", data: "c" }]);
  });
});

/** A body that gives what a test puts in, when it puts it in. */
function scriptedBody() {
  let put!: ReadableStreamDefaultController<Uint8Array>;
  const state = { cancelled: false };
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      put = controller;
    },
    cancel() {
      state.cancelled = true;
    },
  });
  const say = (...words: string[]) => {
    for (const word of words) put.enqueue(encode(`data: ${word}\n\n`));
  };
  return { body, say, put, state };
}

/** A rest that ends when the test says so. */
function scriptedRest() {
  const waiting: (() => void)[] = [];
  const rest: Rest = () =>
    new Promise((resolve) => {
      waiting.push(resolve);
    });
  const end = async () => {
    await expect.poll(() => waiting.length).toBeGreaterThan(0);
    waiting.shift()?.();
  };
  return { rest, end };
}

const words = (batch: IteratorResult<ServerEvent[], void>) => batch.value?.map((event) => event.data) ?? null;

describe("readBatches", () => {
  it("gives the first event at once, and then together what arrived during the rest", async () => {
    const { body, say, put } = scriptedBody();
    const { rest, end } = scriptedRest();
    const batches = readBatches(body, rest);
    say("a");
    expect(words(await batches.next())).toEqual(["a"]);
    const next = batches.next();
    say("b", "c", "d");
    await end();
    expect(words(await next)).toEqual(["b", "c", "d"]);
    const last = batches.next();
    put.close();
    await end();
    expect((await last).done).toBe(true);
  });

  it("loses nothing that arrived before the connection broke", async () => {
    const { body, say, put } = scriptedBody();
    const { rest, end } = scriptedRest();
    const batches = readBatches(body, rest);
    say("a");
    await batches.next();
    const next = batches.next();
    say("b", "c");
    await new Promise((resolve) => setTimeout(resolve)); // what is in the stream goes to whoever reads it
    put.error(new TypeError("network error"));
    await end();
    expect(words(await next)).toEqual(["b", "c"]);
    await expect(batches.next()).rejects.toThrow("network error");
  });

  it("closes the connection when nobody wants more", async () => {
    const { body, say, state } = scriptedBody();
    say("a", "b");
    for await (const event of readEvents(body)) {
      expect(event.data).toBe("a");
      break;
    }
    await expect.poll(() => state.cancelled).toBe(true);
  });

  it("ends without events where there are none", async () => {
    const { body, put } = scriptedBody();
    put.close();
    expect((await readBatches(body).next()).done).toBe(true);
  });
});
