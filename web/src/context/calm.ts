/** Conversations with more messages are worth waiting for: to plan a send of theirs takes longer than a frame. */
const LONG_MESSAGES = 200;

/** Free time that says that nothing moves: while the reader scrolls, the next frame is never so far away. */
const FREE_MS = 20;
const MOST_WAIT_MS = 5000;

/**
 * Resolves when planning a send of `path` disturbs nobody: at once for a short conversation, and else when
 * nothing moves on the page, or at last after five seconds. A browser without idle callbacks is not waited for.
 */
export function whenCalm(path: readonly unknown[]): Promise<void> {
  const whenIdle = globalThis.requestIdleCallback as typeof requestIdleCallback | undefined;
  if (!whenIdle || path.length <= LONG_MESSAGES) return Promise.resolve();
  const endMs = performance.now() + MOST_WAIT_MS;
  return new Promise((resolve) => {
    const look = (deadline: IdleDeadline) => {
      if (deadline.timeRemaining() >= FREE_MS || performance.now() >= endMs) resolve();
      else ask();
    };
    const ask = () => whenIdle(look, { timeout: Math.max(1, endMs - performance.now()) });
    ask();
  });
}
