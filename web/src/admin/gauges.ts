/** The few numbers of `/metrics` that the health page shows. */
export interface Gauges {
  waiting: number | null;
  slots: number | null;
  paused: boolean | null;
  /** Requests so far by engine, where there are several or they are counted. */
  backends: readonly { name: string; requests: number }[];
}

const SAMPLE = /^huiyan_(\w+)(?:\{([^}]*)\})? (\S+)$/;

/** Read Prometheus' text format as far as it is needed. Pure. */
export function readGauges(text: string): Gauges {
  const values = new Map<string, number>();
  const backends: { name: string; requests: number }[] = [];
  for (const line of text.split("\n")) {
    const match = SAMPLE.exec(line);
    if (!match) continue;
    const [, name, labels, value] = match as unknown as [string, string, string | undefined, string];
    if (name === "backend_requests_total") {
      const backend = /backend="((?:[^"\\]|\\.)*)"/.exec(labels ?? "")?.[1];
      if (backend !== undefined) backends.push({ name: backend, requests: Number(value) });
    } else if (labels === undefined) values.set(name, Number(value));
  }
  const paused = values.get("queue_paused");
  return {
    waiting: values.get("queued_requests") ?? null,
    slots: values.get("queue_slots") ?? null,
    paused: paused === undefined ? null : paused > 0,
    backends,
  };
}

/** How long something runs, from its largest part that is not zero. Pure. */
export function uptimeParts(seconds: number): { unit: "dhm" | "hm" | "m"; d: number; h: number; m: number } {
  const minutes = Math.floor(seconds / 60);
  const [d, h, m] = [Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24, minutes % 60];
  return { unit: d > 0 ? "dhm" : h > 0 ? "hm" : "m", d, h, m };
}
