import { gunzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { gzipReproducibly } from "./precompress.ts";

it("packs without time or operating system in the header", () => {
  const bytes = new TextEncoder().encode("慧眼".repeat(1000));
  const packed = gzipReproducibly(bytes);
  expect([...packed.subarray(0, 10)]).toEqual([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255]);
  expect(new Uint8Array(gunzipSync(packed))).toEqual(bytes);
});
