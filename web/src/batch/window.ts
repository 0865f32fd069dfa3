export interface Viewport {
  scrollTop: number;
  height: number;
  rowPx: number;
  count: number;
  /** Rows above and below the view. */
  overscan: number;
  /** A row that has to be there wherever it is: the one with the focus. */
  also: number;
}

/** Which rows of a long list have to be there, in their order. Pure. */
export function windowOf({ scrollTop, height, rowPx, count, overscan, also }: Viewport): number[] {
  const first = Math.min(count, Math.max(0, Math.floor(scrollTop / rowPx) - overscan));
  const end = Math.min(count, Math.ceil((scrollTop + height) / rowPx) + overscan);
  const rows = Array.from({ length: Math.max(0, end - first) }, (_, index) => first + index);
  if (also < 0 || also >= count || (also >= first && also < end)) return rows;
  return also < first ? [also, ...rows] : [...rows, also];
}
