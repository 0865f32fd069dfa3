import { afterEach, describe, expect, it, vi } from "vitest";
import { whenCalm } from "./calm.ts";

const LONG = Array.from({ length: 2000 }, (_, n) => n);

/** Idle periods with so much time left, one after the other; `waited` counts them. */
function idlePeriods(...leftMs: number[]): { waited: number } {
  const seen = { waited: 0 };
  vi.stubGlobal("requestIdleCallback", (callback: (deadline: IdleDeadline) => void) => {
    const left = leftMs[seen.waited] ?? 0;
    seen.waited += 1;
    queueMicrotask(() => {
      callback({ didTimeout: false, timeRemaining: () => left });
    });
    return seen.waited;
  });
  return seen;
}

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe("whenCalm", () => {
  it("does not wait for a short conversation", async () => {
    const seen = idlePeriods(0);
    await whenCalm(LONG.slice(0, 20));
    expect(seen.waited).toBe(0);
  });

  it("waits for a long one until there is more time than to the next frame", async () => {
    const seen = idlePeriods(8, 3, 12, 49, 49);
    await whenCalm(LONG);
    expect(seen.waited).toBe(4);
  });

  it("does not wait for ever", async () => {
    const seen = idlePeriods();
    let nowMs = 0;
    vi.spyOn(performance, "now").mockImplementation(() => (nowMs += 500));
    await whenCalm(LONG);
    expect(seen.waited).toBeGreaterThan(1);
  });

  it("does not wait where the browser cannot say", async () => {
    vi.stubGlobal("requestIdleCallback", undefined);
    await expect(whenCalm(LONG)).resolves.toBeUndefined();
  });
});
