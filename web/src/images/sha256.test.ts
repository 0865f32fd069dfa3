import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { sha256, sha256InScript } from "./sha256.ts";

/** Bytes from a small generator with a fixed seed. */
function noise(length: number): Uint8Array<ArrayBuffer> {
  let state = 1;
  return Uint8Array.from({ length }, () => (state = (state * 1103515245 + 12345) & 0x7fffffff) & 0xff);
}

describe("sha256InScript", () => {
  // Around the block size of 64 and the place where the length goes into a block of its own (56).
  it.each([0, 1, 3, 55, 56, 57, 63, 64, 65, 119, 120, 128, 1000, 100_003])("agrees with Node for %i bytes", (length) => {
    const bytes = noise(length);
    expect(sha256InScript(bytes)).toBe(createHash("sha256").update(bytes).digest("hex"));
  });

  it("reads a view into a larger buffer from its own start", () => {
    const bytes = noise(200).subarray(37, 150);
    expect(sha256InScript(bytes)).toBe(createHash("sha256").update(bytes).digest("hex"));
  });

  it("gives the same as the browser's own", async () => {
    const bytes = noise(5000);
    expect(await sha256(bytes)).toBe(sha256InScript(bytes));
  });
});
