/**
 * JSON inside other text, read leniently: models break off, forget a comma, use single quotes, write a
 * remark after it. Each value knows where it stands.
 */

interface Place {
  /** Characters from the start of the text; `end` is behind the last one. */
  start: number;
  end: number;
}

export type JsonValue = Place &
  (
    | { kind: "object"; members: Map<string, JsonValue>; closed: boolean }
    | { kind: "array"; items: JsonValue[]; closed: boolean }
    | { kind: "string"; value: string }
    | { kind: "number"; value: number }
    | { kind: "word" } // true, false, null
  );

/** Deeper nesting than this is no answer about pictures. */
const MAX_DEPTH = 32;

const SPACE = /(?:\s|\/\/[^\n]*)*/y;
const NUMBER = /[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.])/y;
const WORD = /(?:true|false|null|None|True|False)\b/y;
const BARE_KEY = /[\p{L}_][\p{L}\p{N}_]*/uy;
const STRING = { '"': /"((?:[^"\\\n]|\\.)*)"/y, "'": /'((?:[^'\\\n]|\\.)*)'/y };

function unescape(raw: string): string {
  return raw.replace(/\\(?:u([\da-fA-F]{4})|(.))/g, (_, hex: string | undefined, char: string | undefined) =>
    hex ? String.fromCharCode(parseInt(hex, 16)) : (({ n: "\n", t: "\t", r: "\r" })[char ?? ""] ?? char ?? ""),
  );
}

class Scanner {
  readonly #text: string;
  at: number;
  /** Something was met that is no JSON, or the text is at its end: every open value ends here. */
  broken = false;

  constructor(text: string, at: number) {
    this.#text = text;
    this.at = at;
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.#text);
    if (found) this.at = pattern.lastIndex;
    return found;
  }

  #peek(): string | undefined {
    this.#match(SPACE);
    return this.#text[this.at];
  }

  #break(): null {
    this.broken = true;
    return null;
  }

  value(depth = 0): JsonValue | null {
    const first = this.#peek();
    const start = this.at;
    if (depth > MAX_DEPTH) return this.#break();
    if (first === "{") return this.#object(depth);
    if (first === "[") return this.#array(depth);
    if (first === '"' || first === "'") {
      const text = this.#string(first);
      return text === null ? null : { kind: "string", value: text, start, end: this.at };
    }
    const number = this.#match(NUMBER);
    if (number) return { kind: "number", value: Number(number[0]), start, end: this.at };
    if (this.#match(WORD)) return { kind: "word", start, end: this.at };
    return this.#break();
  }

  #string(quote: '"' | "'"): string | null {
    const found = this.#match(STRING[quote]);
    return found ? unescape(found[1] ?? "") : this.#break();
  }

  #array(depth: number): JsonValue {
    const start = this.at;
    const items: JsonValue[] = [];
    this.at += 1;
    const closed = this.#sequence("]", () => {
      const item = this.value(depth + 1);
      if (item) items.push(item);
    });
    return { kind: "array", items, closed, start, end: this.at };
  }

  #object(depth: number): JsonValue {
    const start = this.at;
    const members = new Map<string, JsonValue>();
    this.at += 1;
    const closed = this.#sequence("}", () => {
      const quote = this.#peek();
      const key = quote === '"' || quote === "'" ? this.#string(quote) : (this.#match(BARE_KEY)?.[0] ?? this.#break());
      if (key === null) return;
      const colon = this.#peek();
      if (colon !== ":" && colon !== "：") {
        this.#break();
        return;
      }
      this.at += 1;
      const member = this.value(depth + 1);
      if (member) members.set(key, member);
    });
    return { kind: "object", members, closed, start, end: this.at };
  }

  /** Elements up to `close`. Commas may be missing, doubled or in full width. */
  #sequence(close: string, element: () => void): boolean {
    for (;;) {
      const next = this.#peek();
      if (next === close) {
        this.at += 1;
        return true;
      }
      if (next === "," || next === "，") this.at += 1;
      else if (next === undefined) this.broken = true;
      else element();
      if (this.broken) return false;
    }
  }
}

/** The outermost objects and arrays in `text`, in order. Takes time in proportion to its length. */
export function scanJson(text: string): JsonValue[] {
  const values: JsonValue[] = [];
  const opening = /[{[]/g;
  for (let found = opening.exec(text); found; found = opening.exec(text)) {
    const scanner = new Scanner(text, found.index);
    const value = scanner.value();
    if (value) values.push(value);
    opening.lastIndex = Math.max(found.index + 1, scanner.at);
  }
  return values;
}
