/** What boxes and points are written with; `bbox` and `point` may come without the ending. */
const NEEDLES = ["bbox", "point"];
const LONGEST = Math.max(...NEEDLES.map((needle) => needle.length));

/** Says whether a growing answer may hold marks, without reading any of it twice. */
export class MarkWatch {
  #text = "";
  #found = false;

  mayHold(text: string): boolean {
    const grew = text.length >= this.#text.length && text.startsWith(this.#text.slice(-64), Math.max(0, this.#text.length - 64));
    if (!grew) this.#found = false;
    if (!this.#found) {
      const from = grew ? Math.max(0, this.#text.length - LONGEST) : 0;
      this.#found = NEEDLES.some((needle) => text.includes(needle, from));
    }
    this.#text = text;
    return this.#found;
  }
}
