/** A word that advertising must not use. */
export interface BannedWord {
  word: string;
  /** What to write instead; empty: leave it out. */
  instead: string;
  /** Longer words that hold it and are harmless. */
  except: string[];
}

export interface BannedHit {
  /** Place in the text, in UTF-16 units. */
  start: number;
  end: number;
  /** As it stands in the text. */
  found: string;
  word: string;
  instead: string;
}

const escape = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Spaces and hyphens of a phrase may be either; Latin words end where letters and digits end. */
function pattern(word: string): string {
  const body = word.trim().split(/[\s-]+/).map(escape).join("[\\s-]*");
  const before = /^[A-Za-z\d]/.test(word) ? "(?<![A-Za-z\\d])" : "";
  const after = /[A-Za-z\d]$/.test(word) ? "(?![A-Za-z\\d])" : "";
  return before + body + after;
}

interface Matcher {
  regex: RegExp;
  entry: BannedWord;
  harmless: RegExp | null;
}

const compiled = new WeakMap<readonly BannedWord[], Matcher[]>();

function matchers(list: readonly BannedWord[]): Matcher[] {
  let made = compiled.get(list);
  if (!made) {
    made = list
      .filter((entry) => entry.word.trim() !== "")
      .map((entry) => {
        const except = entry.except.filter((word) => word.trim() !== "");
        return {
          entry,
          regex: new RegExp(pattern(entry.word), "gi"),
          harmless: except.length > 0 ? new RegExp(except.map(pattern).join("|"), "gi") : null,
        };
      });
    compiled.set(list, made);
  }
  return made;
}

/**
 * Every banned word in `text`, in its order, without overlaps: of words that overlap the one that begins
 * first counts, and of those the longest. Pure.
 */
export function findBanned(text: string, list: readonly BannedWord[]): BannedHit[] {
  const hits: BannedHit[] = [];
  for (const { entry, regex, harmless } of matchers(list)) {
    let spans: [number, number][] | null = null;
    for (const match of text.matchAll(regex)) {
      const start = match.index;
      const end = start + match[0].length;
      spans ??= harmless ? [...text.matchAll(harmless)].map((span) => [span.index, span.index + span[0].length]) : [];
      if (spans.some(([from, to]) => from <= start && end <= to)) continue;
      hits.push({ start, end, found: match[0], word: entry.word, instead: entry.instead });
    }
  }
  hits.sort((a, b) => a.start - b.start || b.end - a.end);
  let reached = 0;
  return hits.filter((hit) => {
    if (hit.start < reached) return false;
    reached = hit.end;
    return true;
  });
}

export interface TextPiece {
  text: string;
  hit: BannedHit | null;
}

/** `text` cut at its hits, for showing it. */
export function pieces(text: string, hits: readonly BannedHit[]): TextPiece[] {
  const cut: TextPiece[] = [];
  let at = 0;
  for (const hit of hits) {
    if (hit.start > at) cut.push({ text: text.slice(at, hit.start), hit: null });
    cut.push({ text: hit.found, hit });
    at = hit.end;
  }
  if (at < text.length) cut.push({ text: text.slice(at), hit: null });
  return cut;
}

/** One entry a line: word → instead (except: harmless, harmless). */
export function formatBanned(list: readonly BannedWord[]): string {
  return list
    .map(({ word, instead, except }) => {
      const replacement = instead === "" ? "" : ` → ${instead}`;
      return word + replacement + (except.length > 0 ? ` | ${except.join(", ")}` : "");
    })
    .join("\n");
}

/** What `formatBanned` wrote, or a reader typed: word, then `→` or `=` and the replacement, then `|` and exceptions. */
export function parseBanned(text: string): BannedWord[] {
  return text.split("\n").flatMap((line) => {
    const [head = "", tail = ""] = line.split(/[|｜]/, 2);
    const [word = "", instead = ""] = head.split(/→|=>|=/, 2);
    if (word.trim() === "") return [];
    const except = tail
      .split(/[,，、]/)
      .map((part) => part.trim())
      .filter((part) => part !== "");
    return [{ word: word.trim(), instead: instead.trim(), except }];
  });
}
