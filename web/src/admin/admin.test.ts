import { describe, expect, it } from "vitest";
import { readGauges, uptimeParts } from "./gauges.ts";
import { requestOf } from "./key_form.ts";
import { queryOf, restOf } from "./log.ts";
import type { UsageEntry } from "./types.ts";
import { perDay, roundUp, totals } from "./usage.ts";

const entry = (change: Partial<UsageEntry>): UsageEntry => ({
  ...{ key_id: "a", name: "A", day: "2026-01-31", requests: 1, prompt_tokens: 10, completion_tokens: 5 },
  ...{ images: 2, received_bytes: 100, sent_bytes: 50, errors: 0 },
  ...change,
});

describe("usage", () => {
  const entries = [entry({}), entry({ key_id: "b", requests: 3 }), entry({ day: "2026-02-02", prompt_tokens: 7 })];

  it("has a value for every day, across the end of a month", () => {
    expect(perDay(entries, "requests", "2026-01-30", "2026-02-02")).toEqual([
      { day: "2026-01-30", value: 0 },
      { day: "2026-01-31", value: 4 },
      { day: "2026-02-01", value: 0 },
      { day: "2026-02-02", value: 1 },
    ]);
  });

  it("counts tokens read and written together", () => {
    expect(perDay(entries, "tokens", "2026-02-02", "2026-02-02")).toEqual([{ day: "2026-02-02", value: 12 }]);
  });

  it("adds up", () => {
    expect(totals(entries)).toMatchObject({ requests: 5, images: 6, received_bytes: 300, errors: 0 });
  });

  it.each([
    [0, 1],
    [1, 1],
    [3, 3],
    [7, 8],
    [10, 10],
    [11, 20],
    [99, 100],
    [51_000, 60_000],
  ])("is drawn below a round number: %i below %i", (most, top) => {
    expect(roundUp(most)).toBe(top);
  });
});

describe("a key's form", () => {
  const fields = { name: " Shop ", scopes: ["chat"] as const, priority: 0, limits: { streams: 4, tokens_per_min: undefined } };

  it("asks for no limit where a field is empty, and for no end", () => {
    expect(requestOf({ ...fields, expiry: "never" })).toEqual({
      ...{ name: "Shop", scopes: ["chat"], priority: 0, expires_in_s: null },
      ...{ streams: 4, tokens_per_min: null, requests_per_min: null, bytes_per_day: null },
    });
  });

  it("leaves the end as it is, or counts it from now", () => {
    expect(requestOf({ ...fields, expiry: "keep" })).not.toHaveProperty("expires_in_s");
    expect(requestOf({ ...fields, expiry: 7 }).expires_in_s).toBe(604_800);
  });
});

describe("numbers of the gateway", () => {
  it("are read from Prometheus' text", () => {
    const text = `# HELP huiyan_queued_requests Requests that wait.
# TYPE huiyan_queued_requests gauge
huiyan_queued_requests 3.0
huiyan_queue_slots 4.0
huiyan_queue_paused 1.0
huiyan_backend_requests_total{backend="http://10.0.0.2:3001"} 12.0
huiyan_requests_total{path="/v1/chat/completions",status="200",stream="true"} 12.0
`;
    expect(readGauges(text)).toEqual({
      ...{ waiting: 3, slots: 4, paused: true },
      backends: [{ name: "http://10.0.0.2:3001", requests: 12 }],
    });
  });

  it("may be missing", () => {
    expect(readGauges("")).toEqual({ waiting: null, slots: null, paused: null, backends: [] });
  });
});

describe("how long it runs", () => {
  it.each([
    [59, "m", 0],
    [360, "m", 6],
    [3_600, "hm", 0],
    [86_399, "hm", 59],
    [86_400, "dhm", 0],
  ])("%d s begins with the largest part that is not zero", (seconds, unit, minutes) => {
    const parts = uptimeParts(seconds);
    expect(parts.unit).toBe(unit);
    expect(parts.m).toBe(minutes);
  });
});

describe("the log", () => {
  it("is asked for what was chosen", () => {
    expect(queryOf({ source: "", level: "info", request: "a b" }).toString()).toBe("lines=200&level=info&request=a+b");
  });

  it("shows what has no column of its own", () => {
    expect(restOf({ ts: "t", level: "info", source: "gateway", message: "m", status: 200, code: "x", more: [1] })).toBe(
      "status=200 code=x more=[1]",
    );
  });
});
