import type { FileContent, Title } from "../api/generated.ts";

/** asks: its user has to say something first. over: the answer ended before it did. */
export type CallState = "running" | "asks" | "done" | "failed" | "refused" | "over";

type Content = { type: "text"; text: string } | ({ type: "file" } & Pick<FileContent, "name" | "media_type" | "size_bytes" | "data">) | { type: "link"; uri: string; name: string };

/** One call as it is shown. */
export interface CallView {
  id: string;
  plugin: string;
  tool: string;
  title: Title;
  /** As the model wrote them; indented where they are JSON. */
  arguments: string;
  state: CallState;
  reasons: readonly string[];
  timedOut: boolean;
  progress: { value: number; total: number | null; message: string } | null;
  content: readonly Content[];
  cut: boolean;
  durationS: number;
  error: { message: string; hint: string } | null;
}

/** All that an answer says of tools. limits: `steps`, `time`, `context`. */
export interface CallsView {
  calls: readonly CallView[];
  missing: readonly string[];
  limits: readonly string[];
}

type Fields = Readonly<Record<string, unknown>>;

const fields = (value: unknown): Fields => (typeof value === "object" && value !== null ? (value as Fields) : {});
const text = (value: unknown): string => (typeof value === "string" ? value : "");
const amount = (value: unknown): number => (typeof value === "number" && Number.isFinite(value) ? value : 0);
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/**
 * What the events amount to. Pure.
 *
 * events: of an answer, whatever their shape is, since an import may have brought them.
 * active: the answer is still being written.
 */
export function callsOf(events: readonly unknown[], active: boolean): CallsView {
  const calls = new Map<string, CallView>();
  const missing: string[] = [];
  const limits: string[] = [];
  const change = (event: Fields, next: Partial<CallView>) => {
    const known = calls.get(text(event["id"]));
    if (known) calls.set(known.id, { ...known, ...next });
  };
  for (const each of events) {
    const event = fields(each);
    switch (event["type"]) {
      case "tools":
        missing.push(...list(event["missing"]).map(text));
        break;
      case "call":
        calls.set(text(event["id"]), begun(event));
        break;
      case "confirm":
        change(event, { state: "asks", reasons: list(event["reasons"]).map(text) });
        break;
      case "decided":
        change(event, {
          state: event["allowed"] === true ? "running" : "refused",
          timedOut: event["by"] === "timeout",
        });
        break;
      case "progress":
        change(event, {
          progress: {
            value: amount(event["progress"]),
            total: typeof event["total"] === "number" ? event["total"] : null,
            message: text(event["message"]),
          },
        });
        break;
      case "result":
        change(event, {
          state: event["is_error"] === true ? "failed" : "done",
          progress: null,
          content: list(event["content"]).flatMap(contentOf),
          cut: event["cut"] === true,
          durationS: amount(event["duration_s"]),
        });
        break;
      case "failed": {
        const error = fields(event["error"]);
        const refused = calls.get(text(event["id"]))?.state === "refused";
        change(event, {
          state: refused ? "refused" : "failed",
          progress: null,
          error: { message: text(error["message"]), hint: text(error["hint"]) },
        });
        break;
      }
      case "limit":
        limits.push(text(event["reason"]));
    }
  }
  const shown = [...calls.values()].map((call) =>
    !active && (call.state === "running" || call.state === "asks") ? { ...call, state: "over" as const, progress: null } : call,
  );
  return { calls: shown, missing, limits };
}

function begun(event: Fields): CallView {
  const title = fields(event["title"]);
  const tool = text(event["tool"]);
  return {
    id: text(event["id"]),
    plugin: text(event["plugin"]),
    tool,
    title: { zh: text(title["zh"]) || tool, en: text(title["en"]) || tool },
    arguments: indented(text(event["arguments"])),
    state: "running",
    reasons: [],
    timedOut: false,
    progress: null,
    content: [],
    cut: false,
    durationS: 0,
    error: null,
  };
}

function indented(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}

function contentOf(value: unknown): Content[] {
  const item = fields(value);
  switch (item["type"]) {
    case "text":
      return [{ type: "text", text: text(item["text"]) }];
    case "file":
      return [
        {
          type: "file",
          name: text(item["name"]),
          media_type: text(item["media_type"]),
          size_bytes: amount(item["size_bytes"]),
          data: text(item["data"]),
        },
      ];
    case "link":
      return [{ type: "link", uri: text(item["uri"]), name: text(item["name"]) }];
    default:
      return [];
  }
}

/** The calls as Markdown, for exports. title: of a call, in the reader's language. */
export function callsAsMarkdown(events: readonly unknown[], title: (call: CallView) => string): string[] {
  return callsOf(events, false).calls.map((call) => {
    const said = call.content.flatMap((item) => (item.type === "text" ? [item.text] : [`[${item.name}]`]));
    const outcome = call.error ? [call.error.message] : said;
    return [
      `<details><summary>${escaped(title(call))}</summary>`,
      fenced(call.arguments),
      ...outcome.map(fenced),
      "</details>",
    ].join("\n\n");
  });
}

const escaped = (words: string) => words.replace(/[&<>\r\n]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[sign] ?? " ");

/** A fence longer than any in it: nothing that a tool said can leave it. */
function fenced(words: string): string {
  const longest = Math.max(2, ...[...words.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}\n${words}\n${fence}`;
}
