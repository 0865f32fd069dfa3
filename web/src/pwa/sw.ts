/**
 * The service worker: history and drafts can be read when the gateway is away. It keeps the page and its
 * hashed files, and nothing that the gateway answers. The build puts the list of files in
 * (build/service_worker.ts), so that a new version of the page brings a new worker.
 */
import { ruleFor } from "./rules.ts";

/** The parts of `ServiceWorkerGlobalScope` that are used; the page's own types do not have it. */
interface Scope {
  readonly registration: { readonly scope: string };
  skipWaiting(): Promise<void>;
  readonly clients: { claim(): Promise<void> };
  addEventListener(type: "install" | "activate", listener: (event: ExtendableEvent) => void): void;
  addEventListener(type: "fetch", listener: (event: FetchEvent) => void): void;
}
interface ExtendableEvent {
  waitUntil(work: Promise<unknown>): void;
}
interface FetchEvent extends ExtendableEvent {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

declare const __HUIYAN_FILES__: readonly string[];
declare const __HUIYAN_BUILD__: string;

const worker = globalThis as unknown as Scope;
const PREFIX = "huiyan-page-";
const CACHE = PREFIX + __HUIYAN_BUILD__;
/** A gateway that does not answer is treated as away. */
const NETWORK_TIMEOUT_MS = 4000;

worker.addEventListener("install", (event) => {
  event.waitUntil(
    (async () => {
      const cache = await caches.open(CACHE);
      // `reload`: what an earlier version left in the browser's cache must not become part of this one.
      await cache.addAll(__HUIYAN_FILES__.map((file) => new Request(file, { cache: "reload" })));
      await worker.skipWaiting();
    })(),
  );
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      await worker.clients.claim();
      // The version before stays: a tab that still shows it may fetch more of its files.
      const ours = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== CACHE);
      await Promise.all(ours.slice(0, -1).map((name) => caches.delete(name)));
    })(),
  );
});

async function keep(request: Request | string, response: Response): Promise<void> {
  if (response.ok && response.type === "basic") await (await caches.open(CACHE)).put(request, response);
}

/** The network's answer if it is a good one; else the kept copy; else whatever the network said. */
async function networkFirst(event: FetchEvent, key: Request | string): Promise<Response> {
  let answer: Response | null = null;
  try {
    answer = await fetch(event.request, { signal: AbortSignal.timeout(NETWORK_TIMEOUT_MS) });
    if (answer.ok) {
      event.waitUntil(keep(key, answer.clone()));
      return answer;
    }
  } catch {
    // Away, or silent.
  }
  // A proxy answers 502 and the like for a gateway that is away; 401 and 404 are the gateway's own words.
  if (answer && answer.status < 500) return answer;
  return (await caches.match(key)) ?? answer ?? Response.error();
}

async function cacheFirst(event: FetchEvent): Promise<Response> {
  const kept = await caches.match(event.request);
  if (kept) return kept;
  const answer = await fetch(event.request);
  event.waitUntil(keep(event.request, answer.clone()));
  return answer;
}

worker.addEventListener("fetch", (event) => {
  const { scope } = worker.registration;
  switch (ruleFor(event.request, scope)) {
    case "page":
      event.respondWith(networkFirst(event, scope));
      break;
    case "asset":
      event.respondWith(cacheFirst(event));
      break;
    case "fresh":
      event.respondWith(networkFirst(event, event.request));
      break;
    case "none":
      break;
  }
});
