import type { Fetch } from "../api/client.ts";
import { ConnectionLost, responseError, SignInNeeded } from "../api/errors.ts";
import type {
  ChangeKeyRequest,
  CreatedKey,
  CreateKeyRequest,
  Health,
  KeyInfo,
  KeyList,
  ModelsReport,
  UpdatesReport,
  UpdateStatus,
  UsageReport,
} from "./types.ts";

/** What an administrator's page asks of the gateway. All throw: ApiError, ConnectionLost, SignInNeeded. */
export class AdminApi {
  readonly #fetch: Fetch;

  constructor(fetcher: Fetch) {
    this.#fetch = fetcher;
  }

  async keys(): Promise<KeyInfo[]> {
    return ((await (await this.#ask("api/admin/keys")).json()) as KeyList).keys;
  }

  /** The answer holds the secret, this once. */
  async createKey(asked: CreateKeyRequest): Promise<CreatedKey> {
    return (await (await this.#ask("api/admin/keys", "POST", asked)).json()) as CreatedKey;
  }

  async changeKey(id: string, change: ChangeKeyRequest): Promise<KeyInfo> {
    return (await (await this.#ask(keyPath(id), "PATCH", change)).json()) as KeyInfo;
  }

  async revokeKey(id: string): Promise<void> {
    await this.#ask(keyPath(id), "DELETE");
  }

  async usage(days: number): Promise<UsageReport> {
    return (await (await this.#ask(`api/admin/usage?days=${days}`)).json()) as UsageReport;
  }

  async models(): Promise<ModelsReport> {
    return (await (await this.#ask("api/admin/models")).json()) as ModelsReport;
  }

  /** Begin to fetch what is wanted, or go on; `/api/events` says how far it is. */
  async pull(): Promise<void> {
    await this.#ask("api/admin/models/pull", "POST", {});
  }

  async cancelPull(): Promise<void> {
    await this.#ask("api/admin/models/pull", "DELETE");
  }

  async updates(): Promise<UpdatesReport> {
    return (await (await this.#ask("api/admin/updates")).json()) as UpdatesReport;
  }

  /** Begin; `update` in `/api/events` says how far it is. */
  async update(component: string, version: string | null): Promise<UpdateStatus> {
    return (await (await this.#ask("api/admin/updates", "POST", { component, version })).json()) as UpdateStatus;
  }

  async cancelUpdate(): Promise<void> {
    await this.#ask("api/admin/updates", "DELETE");
  }

  async rollBack(component: string): Promise<UpdateStatus> {
    return (await (await this.#ask("api/admin/updates/rollback", "POST", { component })).json()) as UpdateStatus;
  }

  /** Also of a gateway whose engine is down, which answers 503 with the same body. */
  async health(): Promise<Health> {
    const response = await this.#reach("health", {});
    if (!response.ok && response.status !== 503) throw await responseError(response);
    return (await response.json()) as Health;
  }

  /** Prometheus' text format. */
  async metrics(): Promise<string> {
    return (await this.#ask("metrics")).text();
  }

  /** The open event stream of the live log. */
  async logs(query: URLSearchParams, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const response = await this.#reach(`api/admin/logs?${query}`, { cache: "no-store", signal });
    if (!response.ok) throw await responseError(response);
    if (!response.body) throw new ConnectionLost("the log has no body");
    return response.body;
  }

  async #ask(path: string, method = "GET", body?: unknown): Promise<Response> {
    const init: RequestInit = { method, cache: "no-store" };
    if (body !== undefined) {
      init.body = JSON.stringify(body);
      init.headers = { "Content-Type": "application/json" };
    }
    const response = await this.#reach(path, init);
    if (!response.ok) throw await responseError(response);
    return response;
  }

  async #reach(path: string, init: RequestInit): Promise<Response> {
    try {
      return await this.#fetch(path, init);
    } catch (cause) {
      if (init.signal?.aborted || cause instanceof SignInNeeded) throw cause;
      throw new ConnectionLost("the gateway cannot be reached", { cause });
    }
  }
}

const keyPath = (id: string) => `api/admin/keys/${encodeURIComponent(id)}`;
