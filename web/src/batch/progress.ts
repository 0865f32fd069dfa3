/** How fast rows get done, and how long the rest will take. Pure. */

/** Rows that are looked back at: enough to be calm, few enough to notice a change of pace. */
const LOOK_BACK = 20;

/** One row alone may have been quick because the engine knew its picture already. */
const FEWEST = 2;

export interface Pace {
  /** Null until a few rows are done. */
  rowsPerMinute: number | null;
  leftMs: number | null;
}

/**
 * finished: rows that this page saw getting done. left: rows still to do. atOnce: rows sent at the same
 * time; a slow engine may well write them one after the other, so the pace is that of the ends.
 */
export function paceOf(
  finished: readonly { finishedMs: number; durationMs: number }[],
  left: number,
  atOnce: number,
): Pace {
  const recent = [...finished].sort((a, b) => a.finishedMs - b.finishedMs).slice(-LOOK_BACK);
  const [first] = recent;
  const last = recent.at(-1);
  if (!first || !last || recent.length < FEWEST) return { rowsPerMinute: null, leftMs: null };
  // From when the first of them began: the time in which all of them were written. A break (paused, away) in
  // between would count as slowness, so no row takes longer than it did.
  const spanMs = last.finishedMs - (first.finishedMs - first.durationMs);
  const summedMs = recent.reduce((sum, row) => sum + row.durationMs, 0);
  const perRowMs = Math.max(1, Math.min(spanMs, summedMs) / recent.length);
  const slowestMs = summedMs / recent.length;
  const leftMs = left === 0 ? 0 : Math.max(perRowMs * left, left <= atOnce ? slowestMs : 0);
  return { rowsPerMinute: 60_000 / perRowMs, leftMs };
}
