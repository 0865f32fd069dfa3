import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Client } from "../api/client.ts";
import type { EngineStatus, HelloEvent } from "../api/types.ts";
import { Gateway } from "./gateway.svelte.ts";

const model = { id: "nano", name: "nano", demo: true, wanted: null, context_tokens: 4096, max_images: 4 };
const limits = { max_body_bytes: 1000, max_images: 9, max_image_bytes: 100, max_image_pixels: 100 };
const status = (state: EngineStatus["state"]) => ({ state, engine: "llama_cpp", model: "nano" }) as EngineStatus;

/** `/api/info` and `/api/events`, played by the test. */
class FakeEvents {
  bootId = "boot-1";
  down = false;
  infoCalls = 0;
  connections = 0;
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;

  readonly fetch = (path: string, init: RequestInit = {}): Promise<Response> => {
    if (this.down) return Promise.reject(new TypeError("Failed to fetch"));
    if (path === "api/info") {
      this.infoCalls += 1;
      return Promise.resolve(Response.json({ version: "1", boot_id: this.bootId, model, engine: status("ready"), limits }));
    }
    this.connections += 1;
    return Promise.resolve(
      new Response(
        new ReadableStream<Uint8Array>({
          start: (controller) => {
            this.#controller = controller;
            init.signal?.addEventListener("abort", () => {
              controller.error(new DOMException("aborted", "AbortError"));
            });
          },
        }),
      ),
    );
  };

  send(event: string, data: unknown): void {
    this.#controller?.enqueue(new TextEncoder().encode(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`));
  }
  hello(state: EngineStatus["state"] = "ready"): void {
    this.send("hello", { version: "1", boot_id: this.bootId, model, engine: status(state) } as HelloEvent);
  }
  comment(): void {
    this.#controller?.enqueue(new TextEncoder().encode(": \n\n"));
  }
  breakOff(): void {
    this.#controller?.error(new TypeError("network error"));
  }
}

let events: FakeEvents;
let gateway: Gateway;
const settle = () => vi.advanceTimersByTimeAsync(0);

beforeEach(async () => {
  vi.useFakeTimers();
  events = new FakeEvents();
  gateway = new Gateway(new Client(events.fetch));
  gateway.start();
  await settle();
});
afterEach(() => {
  gateway.stop();
  vi.useRealTimers();
});

describe("Gateway", () => {
  it("is online once it has said hello, and knows the limits by then", async () => {
    expect(gateway.connection).toBe("connecting");
    events.hello();
    await settle();
    expect(gateway.connection).toBe("online");
    expect(gateway.ready).toBe(true);
    expect(gateway.maxImages).toBe(4);
    expect(gateway.limits.max_body_bytes).toBe(1000);
  });

  it("follows the engine", async () => {
    events.hello("loading");
    await settle();
    expect([gateway.engineState, gateway.ready]).toEqual(["loading", false]);
    events.send("engine", status("ready"));
    await settle();
    expect([gateway.engineState, gateway.ready]).toEqual(["ready", true]);
  });

  it("says when the connection is lost, comes back by itself, and asks a new gateway about itself", async () => {
    events.hello();
    await settle();
    events.down = true;
    events.breakOff();
    await settle();
    expect([gateway.connection, gateway.ready]).toEqual(["offline", false]);
    await vi.advanceTimersByTimeAsync(5000);
    events.down = false;
    events.bootId = "boot-2";
    await vi.advanceTimersByTimeAsync(3000);
    events.hello();
    await settle();
    expect(gateway.connection).toBe("online");
    expect(events.infoCalls).toBe(2);
  });

  it("does not ask the same gateway twice", async () => {
    events.hello();
    await settle();
    events.breakOff();
    await vi.advanceTimersByTimeAsync(1000);
    events.hello();
    await settle();
    expect(gateway.connection).toBe("online");
    expect(events.infoCalls).toBe(1);
  });

  it("takes silence for a dead connection, and comments for life", async () => {
    events.hello();
    for (let n = 0; n < 5; n++) {
      await vi.advanceTimersByTimeAsync(15_000);
      events.comment();
    }
    expect(gateway.connection).toBe("online");
    expect(events.connections).toBe(1);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(events.connections).toBeGreaterThan(1);
  });

  it("lets a send go when the engine is ready, or after a while without any word", async () => {
    const went: string[] = [];
    const { signal } = new AbortController();
    void gateway.whenReady(60_000, signal).then(() => went.push("ready"));
    void gateway.whenReady(1000, signal).then(() => went.push("waited"));
    await vi.advanceTimersByTimeAsync(1500);
    expect(went).toEqual(["waited"]);
    events.hello();
    await settle();
    expect(went).toEqual(["waited", "ready"]);
    await gateway.whenReady(1000, signal);
  });

  it("lets go of a send that was withdrawn", async () => {
    const abort = new AbortController();
    const waiting = gateway.whenReady(60_000, abort.signal);
    abort.abort(new Error("withdrawn"));
    await expect(waiting).rejects.toThrow("withdrawn");
  });

  it("gives its connection back when nobody looks, unless something is being sent", async () => {
    events.hello();
    await settle();
    let pending = true;
    gateway.keepConnected = () => pending;
    gateway.visibilityChanged(true);
    await vi.advanceTimersByTimeAsync(70_000);
    const connectionsWhilePending = events.connections;
    expect(connectionsWhilePending).toBeGreaterThanOrEqual(1);
    pending = false;
    await vi.advanceTimersByTimeAsync(70_000);
    const before = events.connections;
    await vi.advanceTimersByTimeAsync(200_000);
    expect(events.connections).toBe(before);
    gateway.visibilityChanged(false);
    await settle();
    expect(events.connections).toBe(before + 1);
  });
});
