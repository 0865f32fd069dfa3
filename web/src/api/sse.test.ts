import { describe, expect, it } from "vitest";
import { SseParser, type ServerEvent } from "./sse.ts";

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
