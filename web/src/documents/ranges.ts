/** Page ranges as people write them, and even times in a video. Pure. */

/**
 * The pages that `text` names, in its order and without doubles: "1-3,7", also with Chinese marks.
 * Null: it cannot be understood, or names a page that is not there.
 */
export function parsePages(text: string, count: number): number[] | null {
  const pages = new Set<number>();
  const parts = text.replace(/[，、；;]/g, ",").replace(/[—–~～至到]/g, "-").split(",");
  for (const part of parts) {
    if (part.trim() === "") continue;
    const match = /^\s*(\d{1,6})?\s*(-)?\s*(\d{1,6})?\s*$/.exec(part);
    if (!match || (match[1] === undefined && match[3] === undefined)) return null;
    const from = Number(match[1] ?? 1);
    const to = match[2] === undefined ? from : Number(match[3] ?? count);
    if (match[2] === undefined && match[3] !== undefined) return null;
    if (from < 1 || to > count || from > to) return null;
    for (let page = from; page <= to; page++) pages.add(page);
  }
  return pages.size > 0 ? [...pages] : null;
}

/** "1-3,7" for [1, 2, 3, 7]. */
export function showPages(pages: readonly number[]): string {
  const parts: string[] = [];
  for (let at = 0; at < pages.length; ) {
    let end = at;
    while (pages[end + 1] === (pages[end] as number) + 1) end += 1;
    parts.push(end === at ? String(pages[at]) : `${pages[at]}-${pages[end]}`);
    at = end + 1;
  }
  return parts.join(",");
}

/** `count` times in seconds, evenly over a video: the middles of equal parts, so never its black ends. */
export function evenTimes(durationS: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => ((index + 0.5) * durationS) / count);
}

/** 75.25 as "1:15.3", with hours where there are any. */
export function showTime(seconds: number): string {
  const tenths = Math.round(seconds * 10);
  const whole = Math.floor(tenths / 10);
  const pad = (value: number) => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return `${hours > 0 ? `${hours}:${pad(minutes)}` : minutes}:${pad(whole % 60)}.${tenths % 10}`;
}
