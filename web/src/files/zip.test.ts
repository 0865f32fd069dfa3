// @vitest-environment node
import { describe, expect, it, vi } from "vitest";
import { readZip } from "../../tests/read_zip.ts";
import { crc32, writeZip } from "./zip.ts";

describe("crc32", () => {
  it("gives the check value of the standard", () => {
    expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf43926);
    expect(crc32(new Uint8Array())).toBe(0);
  });
});

describe("writeZip", () => {
  it("compresses text, stores what says so, and keeps names in UTF-8", async () => {
    const long = "慧眼 ".repeat(1000);
    const picture = new Blob([new Uint8Array([1, 2, 3])]);
    const files = await readZip(
      await writeZip([
        { name: "表/一.txt", data: long },
        { name: "a.png", data: picture, stored: true },
        { name: "empty", data: "" },
      ]),
    );
    expect([...files.keys()]).toEqual(["表/一.txt", "a.png", "empty"]);
    expect(files.get("表/一.txt")).toMatchObject({ method: 8, text: long });
    const stored = files.get("a.png");
    expect(stored).toMatchObject({ method: 0, bytes: new Uint8Array([1, 2, 3]) });
    expect(stored?.crc).toBe(crc32(new Uint8Array([1, 2, 3])));
    expect(files.get("empty")?.text).toBe("");
  });

  it("stores what would only grow, and everything where the browser cannot compress", async () => {
    const random = crypto.getRandomValues(new Uint8Array(64));
    const grown = await readZip(await writeZip([{ name: "r", data: new Blob([random]) }]));
    expect(grown.get("r")).toMatchObject({ method: 0, bytes: random });

    vi.stubGlobal("CompressionStream", undefined);
    const plain = await readZip(await writeZip([{ name: "t", data: "a".repeat(999) }]));
    vi.unstubAllGlobals();
    expect(plain.get("t")).toMatchObject({ method: 0, text: "a".repeat(999) });
  });

  it("gives the same bytes for the same content", async () => {
    const bytes = async () => new Uint8Array(await (await writeZip([{ name: "a", data: "b".repeat(50) }])).arrayBuffer());
    expect(await bytes()).toEqual(await bytes());
  });
});
