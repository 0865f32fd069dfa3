// @vitest-environment jsdom
import { beforeEach, describe, expect, it } from "vitest";
import { Client, type Fetch } from "../api/client.ts";
import { Uploads } from "../images/uploads.ts";
import type { Database } from "../store/db.ts";
import { loadImage } from "../store/images.ts";
import type { Recipe } from "../store/records.ts";
import { ask } from "./ask.ts";

const A = "a".repeat(64);
const B = "b".repeat(64);
const BYTES: Record<string, string> = { [A]: "first picture", [B]: "second picture" };

function textOf(blob: Blob): Promise<string> {
  return new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => {
      resolve(reader.result as string);
    };
    reader.readAsText(blob);
  });
}

/** A gateway that keeps pictures, and runs a key once, for one body. */
class KeepingGateway {
  readonly kept = new Set<string>();
  readonly puts: string[] = [];
  readonly posts: { key: string; body: string }[] = [];
  readonly #runs = new Map<string, string>();
  /** What a PUT is answered with in place of keeping the picture. */
  putStatus: number | null = null;
  /** It forgets each picture as soon as it has it. */
  leaky = false;

  readonly fetch: Fetch = async (path, init = {}) => {
    const refusal = (status: number, code: string, param: string | null = null) =>
      new Response(JSON.stringify({ error: { message: code, code, param } }), { status });
    if (path.startsWith("api/images/")) {
      const hash = path.slice("api/images/".length);
      this.puts.push(hash);
      expect(await textOf(init.body as Blob)).toBe(BYTES[hash]);
      if (this.putStatus !== null) return refusal(this.putStatus, "no");
      if (!this.leaky) this.kept.add(hash);
      return new Response(JSON.stringify({ sha256: hash, size_bytes: 1, width: 1, height: 1, expires_s: 3600 }), { status: 201 });
    }
    const body = await textOf(init.body as Blob);
    const key = new Headers(init.headers).get("Idempotency-Key") ?? "";
    this.posts.push({ key, body });
    const known = this.#runs.get(key);
    if (known !== undefined && known !== body) return refusal(409, "idempotency_conflict");
    const missing = [...body.matchAll(/sha256:([0-9a-f]{64})/g)].map((match) => match[1] as string).filter((hash) => !this.kept.has(hash));
    if (known === undefined && missing.length > 0) return refusal(409, "image_missing", missing.join(","));
    this.#runs.set(key, body);
    const chunk = JSON.stringify({ choices: [{ delta: { content: "好" } }] });
    return new Response(`data: ${chunk}\n\ndata: [DONE]\n\n`);
  };

  get runs(): number {
    return this.#runs.size;
  }
}

const recipe = (...images: string[]): Recipe => ({
  model: "m",
  messages: [{ role: "user", text: "q", images }],
  labelImages: false,
  sampling: {},
});

let images: Map<string, Blob>;
/** Of the database only what reads a picture: a stored Blob does not survive jsdom together with fake-indexeddb. */
const db = {
  get: (_store: string, sha256: string) => Promise.resolve(images.has(sha256) ? { blob: images.get(sha256) } : undefined),
} as unknown as Database;
let gateway: KeepingGateway;
let uploads: Uploads;
let offered: boolean;

function page(): { uploads: Uploads; client: Client } {
  const client = new Client(gateway.fetch);
  return {
    client,
    uploads: new Uploads({ client, offered: () => offered, load: async (hash) => (await loadImage(db, hash))?.blob ?? null }),
  };
}

beforeEach(() => {
  images = new Map(Object.entries(BYTES).map(([hash, bytes]) => [hash, new Blob([bytes], { type: "image/png" })]));
  gateway = new KeepingGateway();
  offered = true;
  uploads = page().uploads;
});

async function answer(what: Recipe, key = "key", signal = new AbortController().signal): Promise<string> {
  let text = "";
  for await (const each of ask({ db, client: new Client(gateway.fetch), uploads }, what, key, signal)) text = each.text;
  return text;
}

describe("pictures that travel once", () => {
  it("are uploaded when they are offered, and only named by the request", async () => {
    uploads.offer(A);
    uploads.offer(A);
    expect(await answer(recipe(A))).toBe("好");
    uploads.offer(A);
    expect(await answer(recipe(A), "second")).toBe("好");
    expect(gateway.puts).toEqual([A]);
    expect(gateway.posts).toHaveLength(2);
    for (const { body } of gateway.posts) expect(body).toContain(`"url":"sha256:${A}"`);
  });

  it("are sent when the gateway lacks them, just those, and the same request with the same key once more", async () => {
    gateway.kept.add(A);
    expect(await answer(recipe(A, B))).toBe("好");
    expect(gateway.puts).toEqual([B]);
    expect(gateway.posts).toHaveLength(2);
    expect(gateway.posts[0]).toEqual(gateway.posts[1]);
  });

  it("go along within the request where they are forgotten at once", async () => {
    gateway.leaky = true;
    expect(await answer(recipe(A))).toBe("好");
    expect(gateway.posts.map((post) => post.body.includes("data:image/png;base64,"))).toEqual([false, false, true]);
    expect(new Set(gateway.posts.map((post) => post.key))).toEqual(new Set(["key"]));
    expect(gateway.runs).toBe(1);
  });

  it.each([404, 405])("go along within requests after a %i, without another try", async (status) => {
    gateway.putStatus = status;
    expect(await answer(recipe(A))).toBe("好");
    expect(await answer(recipe(A), "second")).toBe("好");
    expect(gateway.puts).toEqual([A]);
    expect(gateway.posts.at(-1)?.body).toContain("data:image/png;base64,");
    expect(gateway.posts).toHaveLength(3);
  });

  it.each([413, 507])("go along within this request after a %i", async (status) => {
    gateway.putStatus = status;
    expect(await answer(recipe(A))).toBe("好");
    expect(gateway.posts.at(-1)?.body).toContain("data:image/png;base64,");
    expect(uploads.available).toBe(true);
  });

  it("that were refused fail as the gateway said, and run nothing", async () => {
    gateway.putStatus = 400;
    await expect(answer(recipe(A))).rejects.toMatchObject({ status: 400 });
    expect(gateway.runs).toBe(0);
  });

  it("do not travel at all where the browser has none", async () => {
    images.delete(A);
    await expect(answer(recipe(A))).rejects.toMatchObject({ name: "ImageMissing" });
    expect(gateway.puts).toEqual([]);
  });

  it("are not uploaded to a gateway that does not offer it", async () => {
    offered = false;
    uploads.offer(A);
    expect(await answer(recipe(A))).toBe("好");
    expect(gateway.puts).toEqual([]);
    expect(gateway.posts[0]?.body).toContain("data:image/png;base64,");
  });

  it("are not waited for any more by a send that was stopped", async () => {
    const abort = new AbortController();
    const never = new Uploads({ client: { putImage: () => new Promise(() => undefined) }, offered: () => true, load: () => Promise.resolve(new Blob()) });
    uploads = never;
    uploads.offer(A);
    const asked = answer(recipe(A), "key", abort.signal);
    abort.abort();
    await expect(asked).rejects.toMatchObject({ name: "AbortError" });
    expect(gateway.posts).toEqual([]);
  });
});

describe("a run that is known by its key", () => {
  it("is found again though it was asked for with the pictures inside", async () => {
    offered = false;
    await answer(recipe(A));
    offered = true;
    expect(await answer(recipe(A))).toBe("好");
    expect(gateway.runs).toBe(1);
  });

  it("is found again though it was asked for by hash", async () => {
    gateway.kept.add(A);
    await answer(recipe(A));
    offered = false;
    expect(await answer(recipe(A))).toBe("好");
    expect(gateway.runs).toBe(1);
  });

  it("needs no picture to be there any more", async () => {
    gateway.kept.add(A);
    await answer(recipe(A));
    gateway.kept.clear();
    expect(await answer(recipe(A))).toBe("好");
    expect(gateway.puts).toEqual([]);
  });
});

describe("uploads", () => {
  it("are three at a time", async () => {
    let running = 0;
    let most = 0;
    const ends: (() => void)[] = [];
    const many = new Uploads({
      client: {
        putImage: async (sha256) => {
          running += 1;
          most = Math.max(most, running);
          await new Promise<void>((resolve) => ends.push(resolve));
          running -= 1;
          return { sha256, size_bytes: 1, width: 1, height: 1, expires_s: 3600 };
        },
      },
      offered: () => true,
      load: () => Promise.resolve(new Blob(["x"])),
    });
    const hashes = Array.from({ length: 9 }, (_, index) => String(index).repeat(64));
    for (const hash of hashes) many.offer(hash);
    for (let ended = 0; ended < 9; ended += 1) {
      await expect.poll(() => ends.length).toBeGreaterThan(0);
      ends.shift()?.();
    }
    await many.arrived(hashes, new AbortController().signal);
    expect(most).toBe(3);
  });
});
