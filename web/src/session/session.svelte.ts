import type { Fetch } from "../api/client.ts";
import { ConnectionLost, responseError, SignInNeeded } from "../api/errors.ts";
import type { SessionInfo } from "../admin/types.ts";

const PATH = "api/session";
const SAFE = new Set(["GET", "HEAD"]);

/** A gateway of an earlier version has no sessions: everybody who reaches it is its user. */
const NO_SESSIONS: SessionInfo = { signed_in: true, id: "", name: "", scopes: [], csrf: "", expires_unix_s: null };

/**
 * Who the gateway takes this browser for. Every request of the page passes through `fetch`, which adds what a
 * session's writes carry, and notices when a key is needed.
 */
export class Session {
  readonly #fetch: Fetch;
  info = $state.raw<SessionInfo | null>(null);
  /** The gateway wants a key before it does anything. */
  needed = $state(false);
  /** The cookie's session, which can be signed out of; the user of the gateway's own machine has none. */
  readonly signedIn: boolean = $derived(!this.needed && (this.info?.csrf ?? "") !== "");
  readonly admin: boolean = $derived(!this.needed && this.info?.scopes.includes("admin") === true);
  #looking: Promise<void> | null = null;
  #waiters: (() => void)[] = [];
  /** Called when the gateway lets nobody through any more, and when somebody (else) has signed in. */
  onChange: () => void = () => undefined;

  constructor(fetcher: Fetch = (input, init) => fetch(input, init)) {
    this.#fetch = fetcher;
  }

  readonly fetch: Fetch = async (input, init = {}) => {
    const write = !SAFE.has(init.method ?? "GET");
    // What cannot be found out now, the request itself will.
    if (write && !this.info) await this.look().catch(() => undefined);
    const sent = this.info?.csrf ?? "";
    let response = await this.#fetch(input, write ? this.#with(init, sent) : init);
    if (write && response.status === 403) {
      // Another tab has signed in since: the cookie is a new one, and so is its token.
      await this.look().catch(() => undefined);
      const now = this.info?.csrf ?? "";
      if (now !== sent) response = await this.#fetch(input, this.#with(init, now));
    }
    // An engine elsewhere may answer 401 as well; only the gateway says how to sign in.
    if (response.status === 401 && response.headers.has("www-authenticate")) {
      const error = await responseError(response);
      this.#lost();
      throw new SignInNeeded(error.message, { cause: error });
    }
    return response;
  };

  /** Ask the gateway who this is. Throws: ApiError, ConnectionLost. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    const response = await this.#reach("GET");
    if (response.status === 404) this.#take(NO_SESSIONS);
    else if (!response.ok) throw await responseError(response);
    else {
      const info = (await response.json()) as SessionInfo;
      if (info.signed_in) this.#take(info);
      else this.#lost();
    }
  }

  /** Exchange a key for a cookie. Throws: ApiError (401: it opens nothing), ConnectionLost. */
  async signIn(key: string): Promise<void> {
    const response = await this.#reach("POST", JSON.stringify({ key }));
    if (!response.ok) throw await responseError(response);
    this.#take((await response.json()) as SessionInfo);
  }

  /** End the session here and at the gateway. Throws: ApiError, ConnectionLost. */
  async signOut(): Promise<void> {
    const response = await this.#reach("DELETE");
    if (!response.ok) throw await responseError(response);
    this.info = null;
    await this.look(); // the user of the gateway's own machine needs no session
    this.onChange();
  }

  /** Resolves when no key is needed (any more). Rejects when `signal` aborts. */
  whenSignedIn(signal: AbortSignal): Promise<void> {
    if (!this.needed) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const done = () => {
        signal.removeEventListener("abort", aborted);
        resolve();
      };
      const aborted = () => {
        this.#waiters = this.#waiters.filter((waiter) => waiter !== done);
        reject(signal.reason as Error);
      };
      this.#waiters.push(done);
      signal.addEventListener("abort", aborted, { once: true });
    });
  }

  #with(init: RequestInit, csrf: string): RequestInit {
    if (csrf === "") return init;
    const headers = new Headers(init.headers);
    headers.set("x-huiyan-csrf", csrf);
    return { ...init, headers };
  }

  async #reach(method: "GET" | "POST" | "DELETE", body?: string): Promise<Response> {
    const init: RequestInit = { method, cache: "no-store" };
    if (body !== undefined) Object.assign(init, { body, headers: { "Content-Type": "application/json" } });
    try {
      return await this.#fetch(PATH, method === "DELETE" ? this.#with(init, this.info?.csrf ?? "") : init);
    } catch (cause) {
      throw new ConnectionLost("the gateway cannot be reached", { cause });
    }
  }

  #take(info: SessionInfo): void {
    const other = this.needed || (this.info !== null && this.info.id !== info.id);
    this.info = info;
    this.needed = false;
    for (const waiter of this.#waiters.splice(0)) waiter();
    if (other) this.onChange();
  }

  #lost(): void {
    this.info = null;
    if (this.needed) return;
    this.needed = true;
    this.onChange();
  }
}
