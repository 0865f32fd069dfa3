/** Bodies of `/api/session` and `/api/admin/*`, named as the gateway's code names them (schema_admin.py). */

import type { EngineStatus } from "../api/types.ts";

export type ScopeName = "chat" | "tools" | "admin";

export interface SessionInfo {
  signed_in: boolean;
  id: string;
  name: string;
  scopes: ScopeName[];
  csrf: string;
  expires_unix_s: number | null;
}

/** A limit of null: none. */
export interface KeyLimits {
  requests_per_min: number | null;
  tokens_per_min: number | null;
  streams: number | null;
  bytes_per_day: number | null;
}

export interface KeyInfo extends KeyLimits {
  id: string;
  name: string;
  scopes: ScopeName[];
  priority: number;
  created_unix_s: number;
  expires_unix_s: number | null;
  revoked_unix_s: number | null;
  state: "active" | "expired" | "revoked";
  origin: string;
  ending: string;
}

export interface KeyList {
  keys: KeyInfo[];
}

export interface CreateKeyRequest extends Partial<KeyLimits> {
  name: string;
  scopes: ScopeName[];
  expires_in_s?: number | null;
  priority?: number;
}

export interface CreatedKey {
  key: KeyInfo;
  secret: string;
}

export type ChangeKeyRequest = Partial<CreateKeyRequest>;

export interface UsageEntry {
  key_id: string;
  name: string;
  day: string;
  requests: number;
  prompt_tokens: number;
  completion_tokens: number;
  images: number;
  received_bytes: number;
  sent_bytes: number;
  errors: number;
}

export interface UsageReport {
  since_day: string;
  usage: UsageEntry[];
}

export type Verdict = "ok" | "degraded" | "down";

/** `GET /health` (schema.py). */
export interface Health {
  status: Verdict;
  components: {
    gateway: { status: "ok"; version: string; uptime_s: number; active_requests: number };
    engine: { status: Verdict; engine: EngineStatus };
  };
}
