import type { CreateKeyRequest, KeyInfo, KeyLimits, ScopeName } from "./types.ts";

export const LIMITS = ["requests_per_min", "tokens_per_min", "streams", "bytes_per_day"] as const satisfies (keyof KeyLimits)[];
export const EXPIRY_DAYS = [1, 7, 30, 90, 365] as const;

/** Days from now, or no end, or the end that it has. */
export type Expiry = "keep" | "never" | (typeof EXPIRY_DAYS)[number];

const DAY_S = 86_400;

export interface KeyFields {
  name: string;
  scopes: readonly ScopeName[];
  expiry: Expiry;
  priority: number;
  /** As number inputs have them: null or undefined where they are empty. */
  limits: Readonly<Record<string, number | null | undefined>>;
}

export const limitOf = (known: KeyInfo | null, limit: keyof KeyLimits): number | null => known?.[limit] ?? null;

/** What the gateway is asked for. Pure. */
export function requestOf({ name, scopes, expiry, priority, limits }: KeyFields): CreateKeyRequest {
  const request: CreateKeyRequest = { name: name.trim(), scopes: [...scopes], priority };
  for (const limit of LIMITS) request[limit] = limits[limit] ?? null;
  if (expiry === "never") request.expires_in_s = null;
  else if (expiry !== "keep") request.expires_in_s = expiry * DAY_S;
  return request;
}
