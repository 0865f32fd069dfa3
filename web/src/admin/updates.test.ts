import { expect, test } from "vitest";
import { asFetch, knownName, Rate, stepOf } from "./updates.ts";
import type { UpdateStatus } from "./types.ts";

const status: UpdateStatus = {
  ...{ component: "vision-encoder", kind: "vision-encoder", version: "2", step: "staging", state: "running" },
  ...{ done_bytes: 400, total_bytes: 1000, pause_s: null, error: null, started_at: 1 },
};

test("the rate is that of the last seconds", () => {
  const rate = new Rate();
  expect(rate.look(0, 0)).toBe(0);
  expect(rate.look(1000, 1000)).toBe(1000);
  expect(rate.look(1000, 1000 + Rate.WINDOW_MS + 1)).toBe(0);
  expect(rate.look(3000, 2000 + Rate.WINDOW_MS + 1)).toBe(2000);
  expect(rate.look(10, 3000 + Rate.WINDOW_MS)).toBe(0);
});

test("time left is known once bytes come", () => {
  expect(asFetch(status, 0).eta_s).toBeNull();
  expect(asFetch(status, 300)).toEqual({ done_bytes: 400, total_bytes: 1000, rate_bytes_per_s: 300, eta_s: 2 });
  expect(asFetch({ ...status, done_bytes: 1000 }, 300).eta_s).toBeNull();
});

test("what the page has no words for is shown as it is", () => {
  expect(stepOf("rolling_back")).toBe("rolling_back");
  expect(stepOf("dancing")).toBeNull();
  expect(knownName("vision-encoder")).toBe("vision-encoder");
  expect(knownName("tool-pdf")).toBeNull();
});
