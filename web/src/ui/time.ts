/** Midnight before now, in the reader's time zone, as Unix milliseconds. */
export function startOfTodayMs(): number {
  return new Date().setHours(0, 0, 0, 0);
}
