/** What the service worker does with a request. Pure, so that it can be tested without one. */

/**
 * page: from the network, the kept copy where there is none. asset: the kept copy, its name changes with its
 * content. fresh: like page, under its own name. none: not the worker's business.
 */
export type Rule = "page" | "asset" | "fresh" | "none";

export interface RequestFacts {
  method: string;
  url: string;
  /** `navigate` for a page that is being opened. */
  mode: string;
}

const FRESH = /^(?:boot\.js|favicon\.svg|manifest\.webmanifest|icons\/[\w-]+\.png|samples\/[\w-]+\.png)$/;

/** `scope`: URL of the directory that the page lives in. */
export function ruleFor({ method, url, mode }: RequestFacts, scope: string): Rule {
  if (method !== "GET" || !url.startsWith(scope)) return "none";
  const path = url.slice(scope.length).replace(/[?#].*$/, "");
  // Above all: nothing that the gateway answers is ever kept.
  if (/^(?:v1|api|health|metrics)(?:\/|$)/.test(path)) return "none";
  if (path === "" || path === "index.html" || path === "chat.html") return "page";
  if (path.startsWith("assets/")) return "asset";
  if (mode === "navigate") return "none";
  return FRESH.test(path) ? "fresh" : "none";
}
