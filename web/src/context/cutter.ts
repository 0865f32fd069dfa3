import { COURTESY, FILLER, MODIFIERS, NEGATION_BEFORE, OPENINGS, POLITE } from "./phrases.ts";
import { estimateTokens } from "./tokens.ts";

/** A part of the text that was cut: `text.slice(start, end)`. */
export type Span = readonly [start: number, end: number];

export interface Cut {
  text: string;
  /** In order, without overlaps; together with `text` they are the original. */
  removed: Span[];
}

/** How far to cut: to so many tokens, or to a share of what there is. 0: all that can go. */
export type CutGoal = { tokens: number } | { ratio: number };

const SENTENCE = /[^。！？!?；;\n]*?(?:[。！？!?；;]+["”’」』)）]*|\n|\.+(?=\s|$)|$)/gy;
const CLAUSE_START = /[，,.。！!？?；;：:、…\n(（]\s*$/;
const SENTENCE_ENDS = "。！？!?.；;\n";
const COMMAS = "，,、";
const DIGITS = /\d/;

/** Never touched: code, quotations, titles, addresses, table rows, data. */
const PROTECTED = [
  /```[\s\S]*?(?:```|$)/g,
  /~~~[\s\S]*?(?:~~~|$)/g,
  /`[^`\n]+`/g,
  /^[ \t]*\|.*$/gm,
  /^[ \t]*[[{}\]].*$/gm,
  /\{[^{}\n]*\}/g,
  /“[^”\n]*”|「[^」\n]*」|『[^』\n]*』|《[^》\n]*》|【[^】\n]*】|"[^"\n]*"/g,
  /\bhttps?:\/\/\S+|\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+/g,
];

/** Sentences shorter than this repeat by chance: 是的。 */
const LEAST_REPEATED_CHARS = 6;

/** The text while it is being cut: a mark for each of its characters. */
class Draft {
  readonly text: string;
  readonly #gone: Uint8Array;
  readonly #fixed: Uint8Array;
  tokens: number;

  constructor(text: string) {
    this.text = text;
    this.#gone = new Uint8Array(text.length);
    this.#fixed = new Uint8Array(text.length);
    this.tokens = estimateTokens(text);
    for (const pattern of PROTECTED) {
      for (const match of text.matchAll(pattern)) this.#fixed.fill(1, match.index, match.index + match[0].length);
    }
  }

  isOpen(start: number, end: number): boolean {
    for (let i = start; i < end; i++) if (this.#gone[i] || this.#fixed[i]) return false;
    return start < end;
  }

  remove(start: number, end: number): void {
    this.#gone.fill(1, start, end);
    this.tokens -= estimateTokens(this.text.slice(start, end));
  }

  /** Index of the nearest character that stays, before `index` or from it on; blanks do not count. */
  before(index: number): number {
    let i = index - 1;
    while (i >= 0 && (this.#gone[i] || this.text[i] === " ")) i -= 1;
    return i;
  }

  after(index: number): number {
    let i = index;
    while (i < this.text.length && (this.#gone[i] || this.text[i] === " ")) i += 1;
    return i;
  }

  /** The same with blanks. */
  beforeAny(index: number): number {
    let i = index - 1;
    while (i >= 0 && this.#gone[i]) i -= 1;
    return i;
  }

  result(): Cut {
    const removed: Span[] = [];
    let text = "";
    for (let i = 0; i < this.text.length; ) {
      const from = i;
      const gone = this.#gone[i];
      while (i < this.text.length && this.#gone[i] === gone) i += 1;
      if (gone) removed.push([from, i]);
      else text += this.text.slice(from, i);
    }
    return { text, removed };
  }
}

/**
 * Take what is redundant out of a text: repeated sentences, greetings and thanks, polite wrapping, filler,
 * words that only add weight; in that order, until `goal` is reached. Digits, units, negations, names,
 * quotations, code and tables stay. Pure.
 */
export function cut(text: string, goal: CutGoal): Cut {
  const draft = new Draft(text);
  const target = "tokens" in goal ? goal.tokens : draft.tokens * goal.ratio;
  for (const step of STEPS) {
    if (draft.tokens <= target) break;
    step(draft, target);
  }
  const result = draft.result();
  // A text that was nothing but courtesy is an answer to something: it stays.
  return result.text.trim() === "" ? { text, removed: [] } : result;
}

type Step = (draft: Draft, target: number) => void;

const STEPS: readonly Step[] = [
  cutRepeated,
  cutCourtesy,
  phrases(OPENINGS, { atClauseStart: true }),
  phrases(POLITE, {}),
  phrases(FILLER, {}),
  phrases(MODIFIERS, { modifier: true }),
];

function* sentencesOf(text: string): Generator<{ start: number; end: number; core: string }> {
  for (const match of text.matchAll(SENTENCE)) {
    if (match[0] === "") continue;
    const core = match[0].replace(/[。！？!?；;.\s～~]+$/, "").trim();
    const start = match.index + (match[0].length - match[0].trimStart().length);
    if (core !== "") yield { start, end: match.index + match[0].trimEnd().length, core };
  }
}

/** The same sentence again. */
function cutRepeated(draft: Draft, target: number): void {
  const seen = new Set<string>();
  for (const { start, end, core } of sentencesOf(draft.text)) {
    const key = core.toLowerCase().replace(/[\s，,、]+/g, "");
    if (!seen.has(key)) {
      seen.add(key);
      continue;
    }
    if (key.length < LEAST_REPEATED_CHARS || draft.tokens <= target) continue;
    if (draft.isOpen(start, end)) removeSentence(draft, start, end);
  }
}

function cutCourtesy(draft: Draft, target: number): void {
  for (const { start, end, core } of sentencesOf(draft.text)) {
    if (draft.tokens <= target) return;
    const clauses = core.split(/[，,]\s*/);
    const empty = clauses.every((clause) => COURTESY.some((pattern) => pattern.test(clause.trim())));
    if (empty && draft.isOpen(start, end)) removeSentence(draft, start, end);
  }
}

/** With the blanks after it, or those before it at the end of a line. */
function removeSentence(draft: Draft, start: number, end: number): void {
  let from = start;
  let until = end;
  while (draft.text[until] === " ") until += 1;
  const lineEnds = until >= draft.text.length || draft.text[until] === "\n";
  if (lineEnds) while (draft.text[from - 1] === " " && draft.isOpen(from - 1, from)) from -= 1;
  draft.remove(from, until);
}

interface PhraseRules {
  atClauseStart?: boolean;
  modifier?: boolean;
}

function phrases(patterns: readonly RegExp[], rules: PhraseRules): Step {
  const all = patterns.map((pattern) => new RegExp(pattern, `${pattern.flags}g`));
  return (draft, target) => {
    // Again after a phrase went: behind "你好，" there may be a "麻烦你".
    for (let changed = true; changed; ) {
      changed = false;
      for (const pattern of all) {
        for (const match of draft.text.matchAll(pattern)) {
          if (draft.tokens <= target) return;
          if (takeOut(draft, match.index, match.index + match[0].length, rules)) changed = true;
        }
      }
      if (!rules.atClauseStart) return;
    }
  };
}

function takeOut(draft: Draft, start: number, end: number, rules: PhraseRules): boolean {
  const { text } = draft;
  if (!draft.isOpen(start, end) || DIGITS.test(text.slice(start, end))) return false;
  const previous = draft.before(start);
  const next = draft.after(end);
  if (rules.atClauseStart && previous >= 0 && !CLAUSE_START.test(text.slice(0, previous + 1))) return false;
  if (rules.modifier) {
    if (NEGATION_BEFORE.test(text.slice(Math.max(0, start - 24), start))) return false;
    if (DIGITS.test(text[previous] ?? "") || DIGITS.test(text[next] ?? "")) return false;
  }
  const [from, until] = tidy(draft, start, end);
  draft.remove(from, until);
  return true;
}

/** Take along the blank, comma or full stop that would be left over. */
function tidy(draft: Draft, start: number, end: number): Span {
  const { text } = draft;
  const isFree = (index: number) => draft.isOpen(index, index + 1);
  const previous = draft.before(start);
  const starts = previous < 0 || SENTENCE_ENDS.includes(text[previous] as string);
  const pauses = starts || COMMAS.includes(text[previous] as string) || /[：:(（]/.test(text[previous] as string);
  let from = start;
  let until = end;
  let next = draft.after(until);
  if (pauses && (starts ? `${COMMAS}：:` : COMMAS).includes(text[next] ?? "\0") && isFree(next)) {
    until = next + 1;
    next = draft.after(until);
  }
  const ends = next >= text.length || SENTENCE_ENDS.includes(text[next] as string);
  if (ends && !starts && COMMAS.includes(text[previous] as string) && isFree(previous)) from = previous;
  else if (ends && starts && next < text.length && text[next] !== "\n" && isFree(next)) until = next + 1;
  // One blank between words is enough.
  const blankBefore = from === 0 || /\s/.test(text[draft.beforeAny(from)] ?? "\n");
  while (text[until] === " " && blankBefore) until += 1;
  if (ends) while (from > 0 && text[from - 1] === " " && draft.isOpen(from - 1, from)) from -= 1;
  return [from, until];
}
