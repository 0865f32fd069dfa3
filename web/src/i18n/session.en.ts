import type { sessionZhCN } from "./session.zh-CN.ts";
import type { Phrase } from "./zh-CN.ts";

export const sessionEn: Record<keyof typeof sessionZhCN, Phrase> = {
  "session.line": "Sign in to send. History and drafts are here.",
  "session.title": "Sign in",
  "session.why":
    "This huiyan needs an access key. What you have written is safe in this browser; what waits is sent once you have signed in.",
  "session.key": "Access key",
  "session.keyHint": "It begins with hy-. An administrator makes one with huiyan keys create, or on the administration page.",
  "session.show": "Show the key",
  "session.submit": "Sign in",
  "session.submitting": "Signing in…",
  "session.wrong": "This key opens nothing here. Paste the whole key, from hy- to its last character.",
  "session.unreachable": "huiyan cannot be reached. Try again in a moment.",
  "session.failed": "Signing in did not work: {message}",
  "session.plainHttp":
    "This page was opened over http: the key crosses the network unencrypted. Use it on a network that you trust, or use https.",
  "session.account": "Signed in",
  "session.as": "Signed in as {name}",
  "session.until": "until {date}",
  "session.local": "The user of this machine, without a key",
  "session.signOut": "Sign out",
  "session.signOutHint":
    "History and drafts stay in this browser. On a computer that others use, export and delete them first.",
  "session.signOutFailed": "Signing out did not work: {message}",
  "session.admin": "Administration: keys, usage, health, log",
  "insecure.title": "What this connection lacks",
  "insecure.why":
    "The page was opened over http from another machine, and browsers withhold these there. Over https (huiyan start --tls-self-signed) all of them are back.",
  "insecure.subtle": "The built-in SHA-256: the page computes it by itself, large pictures take a little longer.",
  "insecure.clipboard": "The clipboard: the page copies the old way; some browsers may want you to select and copy by hand.",
  "insecure.worker": "Reading offline, and installing as an app.",
  "insecure.persist": "Storage that lasts: the browser may clear history when space runs low. Export what matters.",
  "insecure.locks": "Tabs that know of each other: send from one tab only.",
};
