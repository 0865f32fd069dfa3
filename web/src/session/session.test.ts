// @vitest-environment jsdom
import { beforeEach, describe, expect, it } from "vitest";
import { Client } from "../api/client.ts";
import { SignInNeeded } from "../api/errors.ts";
import { judge } from "../chat/failure.ts";
import { Session } from "./session.svelte.ts";
import { withheld } from "./withheld.ts";

const KEY = "hy-right";

/** The gateway's side: one key, sessions by a cookie that the browser would keep. */
class Door {
  cookie: string | null = null;
  local = false;
  none = false;
  /** An engine elsewhere refuses the gateway's own key. */
  engineRefuses = false;
  readonly writes: { path: string; csrf: string | null }[] = [];

  #info() {
    const known = this.cookie !== null || this.local;
    const csrf = this.cookie === null ? "" : `token of ${this.cookie}`;
    return { signed_in: known, id: "k1", name: "Shop", scopes: ["chat", "admin"], csrf, expires_unix_s: null };
  }

  readonly fetch = (path: string, init: RequestInit = {}): Promise<Response> => Promise.resolve(this.#answer(path, init));

  #answer(path: string, init: RequestInit): Response {
    const method = init.method ?? "GET";
    const refusal = (status: number, headers = {}) =>
      new Response(JSON.stringify({ error: { message: "no", code: "invalid_api_key" } }), { status, headers });
    const csrf = new Headers(init.headers).get("x-huiyan-csrf");
    if (path === "api/session" && this.none) return refusal(404);
    if (path === "api/session" && method === "GET") return Response.json(this.#info());
    if (path === "api/session" && method === "POST") {
      if ((JSON.parse(init.body as string) as { key: string }).key !== KEY) return refusal(401, { "WWW-Authenticate": "Bearer" });
      this.cookie = `cookie ${this.writes.length}`;
      return Response.json(this.#info(), { status: 201 });
    }
    if (path === "api/session") {
      this.cookie = null;
      return new Response(null, { status: 204 });
    }
    if (this.engineRefuses) return refusal(401);
    if (this.cookie === null && !this.local) return refusal(401, { "WWW-Authenticate": "Bearer" });
    if (method !== "GET") this.writes.push({ path, csrf });
    if (method !== "GET" && this.cookie !== null && csrf !== `token of ${this.cookie}`) return refusal(403);
    return Response.json({ counts: [1] });
  }
}

let door: Door;
let session: Session;
let client: Client;
let changes: boolean[];
const never = new AbortController().signal;

beforeEach(() => {
  door = new Door();
  session = new Session(door.fetch);
  client = new Client(session.fetch);
  changes = [];
  session.onChange = () => changes.push(session.needed);
});

describe("a gateway that needs a key", () => {
  it("is noticed by the first answer of 401, which is no failure of the request", async () => {
    const cause: unknown = await client.tokenize(["a"], never).catch((reason: unknown) => reason);
    expect(cause).toBeInstanceOf(SignInNeeded);
    expect(judge(cause)).toEqual({ act: "wait", delayMs: 0 });
    expect(session.needed).toBe(true);
    expect(changes).toEqual([true]);
  });

  it("lets who waited go on once somebody has signed in, with the session's token on writes", async () => {
    await session.look();
    const waited = session.whenSignedIn(never);
    await expect(session.signIn("hy-wrong")).rejects.toMatchObject({ status: 401 });
    expect(session.needed).toBe(true);
    await session.signIn(KEY);
    await waited;
    expect(changes).toEqual([true, false]);
    await client.tokenize(["a"], never);
    expect(door.writes).toEqual([{ path: "api/tokenize", csrf: `token of ${door.cookie as string}` }]);
    expect(session.signedIn).toBe(true);
    expect(session.admin).toBe(true);
  });

  it("takes a write of a tab that does not know yet that another one has signed in again", async () => {
    await session.signIn(KEY);
    door.cookie = "a later one";
    expect(await client.tokenize(["a"], never)).toEqual([1]);
    expect(door.writes.map((write) => write.csrf)).toEqual(["token of cookie 0", "token of a later one"]);
  });

  it("is left by signing out", async () => {
    await session.signIn(KEY);
    await session.signOut();
    expect(session.needed).toBe(true);
    expect(session.signedIn).toBe(false);
  });

  it("stops waiting with a send that is stopped", async () => {
    await session.look();
    const abort = new AbortController();
    const waited = session.whenSignedIn(abort.signal);
    abort.abort(new Error("stopped"));
    await expect(waited).rejects.toThrow("stopped");
  });
});

describe("a gateway that needs none", () => {
  it("gets no token, and nobody can sign out", async () => {
    door.local = true;
    await client.tokenize(["a"], never);
    expect(door.writes).toEqual([{ path: "api/tokenize", csrf: null }]);
    expect(session.signedIn).toBe(false);
    expect(session.admin).toBe(true);
  });

  it("may be of an earlier version", async () => {
    door.none = true;
    door.local = true;
    await session.look();
    expect(session.needed).toBe(false);
    expect(session.admin).toBe(false);
  });

  it("passes on an engine's 401 as what it is", async () => {
    door.local = true;
    door.engineRefuses = true;
    await expect(client.tokenize(["a"], never)).rejects.toMatchObject({ status: 401 });
    expect(session.needed).toBe(false);
  });
});

describe("what a browser withholds", () => {
  it("is found out by looking", () => {
    const all = { crypto: { subtle: {} }, navigator: { clipboard: {}, serviceWorker: {}, storage: {}, locks: {} } };
    expect(withheld(all as unknown as Window & typeof globalThis)).toEqual([]);
    const none = { crypto: {}, navigator: {} };
    expect(withheld(none as unknown as Window & typeof globalThis)).toEqual(["subtle", "clipboard", "worker", "persist", "locks"]);
  });
});
