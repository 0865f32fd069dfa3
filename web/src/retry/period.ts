import { weigh } from "./weight.ts";

/** A text's end that is one unit over and over: `text.slice(start)` has the period `unitChars`. */
export interface Periodic {
  start: number;
  unitChars: number;
  repeats: number;
}

/** Repeats from which on a unit is a loop; given as repeats and as characters, both have to be reached. */
export interface Bound {
  repeats: number;
  chars: number;
}

const NEVER: Bound = { repeats: Number.POSITIVE_INFINITY, chars: Number.POSITIVE_INFINITY };

/**
 * What a writer does on purpose stays below: a refrain four times, a row of fifty zeros, a rule of
 * hyphens, laughter. A model in a loop goes on for thousands of characters, so waiting costs little.
 */
export function boundFor(unit: string): Bound {
  const { letters, digits } = weigh(unit);
  if (letters === 0) return digits === 0 ? { repeats: 50, chars: 800 } : { repeats: 60, chars: 480 };
  const weight = letters + digits;
  if (weight >= 300) return { repeats: 3, chars: 0 };
  if (weight >= 80) return { repeats: 4, chars: 0 };
  if (weight >= 30) return { repeats: 5, chars: 0 };
  if (weight >= 12) return { repeats: 8, chars: 0 };
  if (weight >= 4) return { repeats: 14, chars: 80 };
  return { repeats: 40, chars: 120 };
}

/** The same for lines of which only the running number differs: a checklist may say "passed" thirty times. */
export function boundForNumbered(unit: string): Bound {
  const { letters, digits } = weigh(unit);
  const weight = letters + digits;
  if (letters === 0) return NEVER;
  if (weight >= 80) return { repeats: 6, chars: 0 };
  if (weight >= 30) return { repeats: 10, chars: 0 };
  if (weight >= 12) return { repeats: 30, chars: 0 };
  return { repeats: 80, chars: 0 };
}

/** UTF-16 units of a text that grows. */
export class Units {
  #units = new Uint16Array(4096);
  length = 0;

  push(text: string): void {
    if (this.length + text.length > this.#units.length) {
      const larger = new Uint16Array(2 * (this.length + text.length));
      larger.set(this.#units.subarray(0, this.length));
      this.#units = larger;
    }
    for (let i = 0; i < text.length; i++) this.#units[this.length + i] = text.charCodeAt(i);
    this.length += text.length;
  }

  slice(from: number, until: number): Uint16Array {
    return this.#units.subarray(from, until);
  }

  static of(text: string): Uint16Array {
    const units = new Units();
    units.push(text);
    return units.slice(0, text.length);
  }
}

let scratch = new Int32Array(0);

/** z[i]: how many units read backwards from the end agree with those read backwards from i before it. */
function backwardZ(units: Uint16Array): Int32Array {
  const n = units.length;
  if (scratch.length < n) scratch = new Int32Array(n);
  const z = scratch;
  const last = n - 1;
  let left = 0;
  let right = 0;
  for (let i = 1; i < n; i++) {
    let length = i < right ? Math.min(right - i, z[i - left] as number) : 0;
    while (i + length < n && units[last - length] === units[last - i - length]) length += 1;
    z[i] = length;
    if (i + length > right) {
      left = i;
      right = i + length;
    }
  }
  return z;
}

/**
 * The shortest unit that the end of a text repeats at least as often as `bound` allows.
 *
 * scale: multiplies the repeats that are needed (code repeats more than prose does).
 */
export function periodicEnd(units: Uint16Array, bound: (unit: string) => Bound, scale = 1): Periodic | null {
  const n = units.length;
  const z = backwardZ(units);
  for (let unitChars = 1; unitChars * 3 <= n; unitChars++) {
    const chars = (z[unitChars] as number) + unitChars;
    const repeats = Math.floor(chars / unitChars);
    if (repeats < 3) continue;
    const needed = bound(String.fromCharCode(...units.subarray(n - unitChars)));
    if (repeats >= needed.repeats * scale && chars >= needed.chars * scale) return { start: n - chars, unitChars, repeats };
  }
  return null;
}
