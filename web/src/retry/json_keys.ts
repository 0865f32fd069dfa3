/** An object that is open. */
interface Frame {
  /** How often each key came. */
  times: Map<string, number>;
  /** Keys that came more than once. */
  repeated: number;
  firstRepeatAt: number;
}

/** A key came this often in one object, or so many keys came twice: no JSON is like that. */
const SAME_KEY = 3;
const KEYS_TWICE = 2;

/**
 * Watches JSON as it is written, in whatever text stands around it, for an object that gets its own keys
 * again. Each character is looked at once.
 */
export class JsonKeys {
  /** Null: a brace that opens no JSON object. */
  readonly #stack: (Frame | null)[] = [];
  #position = 0;
  #string: string | null = null;
  #escaped = false;
  /** A string that may turn out to be a key, and where its quote stands. */
  #candidate: { key: string; at: number } | null = null;
  #stringAt = 0;
  #braceOpen = false;

  /** Take `chars` in. Returns where the object begins to repeat itself, once that is sure. */
  push(chars: string): number | null {
    const start = this.#position;
    for (let i = 0; i < chars.length; i++) {
      if (this.#stack.length === 0 && !this.#braceOpen && this.#string === null) {
        i = chars.indexOf("{", i); // nothing else matters outside of braces
        if (i < 0) break;
      }
      this.#position = start + i;
      const found = this.#char(chars[i] as string);
      if (found !== null) return found;
    }
    this.#position = start + chars.length;
    return null;
  }

  #char(char: string): number | null {
    if (this.#string !== null) {
      this.#inString(char);
      return null;
    }
    if (char === " " || char === "\n" || char === "\t" || char === "\r") return null;
    if (this.#braceOpen) {
      this.#braceOpen = false;
      // Only a string or the end can follow: everything else is prose or code.
      const isObject = char === '"' || char === "}";
      this.#stack.push(isObject ? { times: new Map(), repeated: 0, firstRepeatAt: -1 } : null);
    }
    if (char === '"') {
      this.#string = "";
      this.#stringAt = this.#position;
      return null;
    }
    const candidate = this.#candidate;
    this.#candidate = null;
    if (char === "{") this.#braceOpen = true;
    else if (char === "}") this.#stack.pop();
    else if (char === ":" && candidate) return this.#key(candidate);
    return null;
  }

  #inString(char: string): void {
    if (this.#escaped) this.#escaped = false;
    else if (char === "\\") this.#escaped = true;
    else if (char === '"') {
      this.#candidate = { key: this.#string ?? "", at: this.#stringAt };
      this.#string = null;
      return;
    } else if (char === "\n") {
      this.#string = null; // no JSON string: a lone quotation mark
      return;
    }
    this.#string += char;
  }

  #key({ key, at }: { key: string; at: number }): number | null {
    const frame = this.#stack.at(-1);
    if (!frame) return null;
    const times = (frame.times.get(key) ?? 0) + 1;
    frame.times.set(key, times);
    if (times < 2) return null;
    if (times === 2) frame.repeated += 1;
    if (frame.firstRepeatAt < 0) frame.firstRepeatAt = at;
    return times >= SAME_KEY || frame.repeated >= KEYS_TWICE ? frame.firstRepeatAt : null;
  }
}
