export const SOURCES = ["launcher", "gateway", "engine", "tools", "browser"] as const;
export const LEVELS = ["debug", "info", "warning", "error", "critical"] as const;

/** A line of the log. Whoever wrote it decides what else it holds. */
export interface LogRecord {
  ts?: string;
  level?: string;
  source?: string;
  message?: string;
  request_id?: string;
  [field: string]: unknown;
}

export interface LogLine {
  id: number;
  record: LogRecord | null;
  /** Of a gap: how many lines were left out. */
  skipped: number;
}

export interface LogChoice {
  source: string;
  level: string;
  request: string;
}

const FIRST_LINES = 200;

/** The query for the last lines that `choice` takes, and all that come. Pure. */
export function queryOf(choice: LogChoice): URLSearchParams {
  const query = new URLSearchParams({ lines: String(FIRST_LINES) });
  for (const [name, value] of Object.entries(choice)) if (value !== "") query.set(name, value as string);
  return query;
}

/** What of a record does not stand in a column of its own, as text. */
export function restOf(record: LogRecord): string {
  const known = new Set(["ts", "level", "source", "message", "request_id", "logger"]);
  return Object.entries(record)
    .filter(([name]) => !known.has(name))
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(" ");
}
