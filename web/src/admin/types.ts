/** Bodies of `/api/session` and `/api/admin/*`, as the gateway describes them. */

import type * as wire from "../api/generated.ts";

export type {
  ComponentInfo,
  CreatedKey,
  Health,
  KeyInfo,
  KeyList,
  ModelsReport,
  SessionInfo,
  UpdatesReport,
  UpdateStatus,
  UsageEntry,
  UsageReport,
} from "../api/generated.ts";

export type ScopeName = wire.KeyInfo["scopes"][number];

/** A limit of null: none. */
export type KeyLimits = Pick<wire.KeyInfo, "requests_per_min" | "tokens_per_min" | "streams" | "bytes_per_day">;

/** What is left out has the gateway's default. */
export type CreateKeyRequest = Pick<wire.CreateKeyRequest, "name" | "scopes"> & Partial<wire.CreateKeyRequest>;

/** What is left out stays as it is. */
export type ChangeKeyRequest = Partial<wire.ChangeKeyRequest>;

export type Verdict = wire.Health["status"];
