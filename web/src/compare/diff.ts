/** A stretch of text: in both, only in the first (removed), or only in the second (added). */
export interface DiffPart {
  kind: "same" | "removed" | "added";
  text: string;
}

/** Changes beyond which the search for the shortest list of them ends, and what is left counts as changed. */
const MOST_CHANGES = 1500;

const segmenter = typeof Intl.Segmenter === "undefined" ? null : new Intl.Segmenter("zh-CN", { granularity: "word" });

/** Single characters of Chinese, words, runs of spaces, other signs one by one. */
const SIMPLE = /\p{Script=Han}|[\p{L}\p{N}\p{M}_]+|\s+|./gsu;

/**
 * Words: Chinese ones as the browser knows them (single characters where it does not), others by spaces
 * and punctuation. Joined they are the text again.
 */
export function wordsOf(text: string, words: Intl.Segmenter | null = segmenter): string[] {
  if (!words) return text.match(SIMPLE) ?? [];
  return Array.from(words.segment(text), (part) => part.segment);
}

function ends(a: readonly string[], b: readonly string[]): { head: number; tail: number } {
  const shorter = Math.min(a.length, b.length);
  let head = 0;
  while (head < shorter && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < shorter - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
  return { head, tail };
}

type Step = [DiffPart["kind"], string];

/** Source: E. Myers, "An O(ND) Difference Algorithm and Its Variations", 1986. */
function myers(a: readonly string[], b: readonly string[]): Step[] {
  const whole = (): Step[] => [...a.map((word): Step => ["removed", word]), ...b.map((word): Step => ["added", word])];
  if (a.length === 0 || b.length === 0) return whole();
  const most = Math.min(a.length + b.length, MOST_CHANGES);
  const reach = new Int32Array(2 * most + 3); // furthest x on each diagonal k, at index k + most + 1
  const trace: Int32Array[] = [];
  const at = (row: Int32Array, k: number) => row[k + most + 1] as number;
  const goesDown = (row: Int32Array, k: number, d: number) => k === -d || (k !== d && at(row, k - 1) < at(row, k + 1));
  for (let d = 0; d <= most; d++) {
    trace.push(reach.slice());
    for (let k = -d; k <= d; k += 2) {
      let x = goesDown(reach, k, d) ? at(reach, k + 1) : at(reach, k - 1) + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x += 1;
      reach[k + most + 1] = x;
      if (x >= a.length && x - k >= b.length) return walkBack(d);
    }
  }
  return whole();

  function walkBack(changes: number): Step[] {
    const steps: Step[] = [];
    let x = a.length;
    let y = b.length;
    for (let d = changes; d > 0; d--) {
      const row = trace[d] as Int32Array;
      const k = x - y;
      const down = goesDown(row, k, d);
      const fromX = at(row, down ? k + 1 : k - 1);
      const fromY = fromX - (down ? k + 1 : k - 1);
      const afterX = down ? fromX : fromX + 1;
      while (x > afterX) {
        x -= 1;
        y -= 1;
        steps.push(["same", a[x] as string]);
      }
      steps.push(down ? ["added", b[fromY] as string] : ["removed", a[fromX] as string]);
      x = fromX;
      y = fromY;
    }
    while (x > 0) {
      x -= 1;
      steps.push(["same", a[x] as string]);
    }
    return steps.reverse();
  }
}

/** Neighbours of one kind joined; between two "same" parts what was removed stands before what was added. */
function joined(steps: Iterable<Step>): DiffPart[] {
  const parts: DiffPart[] = [];
  let removed = "";
  let added = "";
  const flush = () => {
    if (removed) parts.push({ kind: "removed", text: removed });
    if (added) parts.push({ kind: "added", text: added });
    removed = added = "";
  };
  for (const [kind, text] of steps) {
    if (kind === "removed") removed += text;
    else if (kind === "added") added += text;
    else {
      flush();
      const last = parts.at(-1);
      if (last?.kind === "same") last.text += text;
      else parts.push({ kind, text });
    }
  }
  flush();
  return parts;
}

/**
 * What leads from `before` to `after`, word by word. "same" and "removed" parts joined are `before`,
 * "same" and "added" ones `after`. Pure.
 */
export function wordDiff(before: string, after: string, words: Intl.Segmenter | null = segmenter): DiffPart[] {
  const a = wordsOf(before, words);
  const b = wordsOf(after, words);
  const { head, tail } = ends(a, b);
  const same = (list: readonly string[]): Step[] => list.map((word) => ["same", word]);
  return joined([
    ...same(a.slice(0, head)),
    ...myers(a.slice(head, a.length - tail), b.slice(head, b.length - tail)),
    ...same(a.slice(a.length - tail)),
  ]);
}

/** Share of the longer text's characters that both have, from 0 to 1. */
export function similarity(parts: readonly DiffPart[]): number {
  const length = (kind: DiffPart["kind"]) =>
    parts.reduce((sum, part) => (part.kind === kind ? sum + part.text.length : sum), 0);
  const longer = length("same") + Math.max(length("removed"), length("added"));
  return longer === 0 ? 1 : length("same") / longer;
}
