export interface Notice {
  id: number;
  text: string;
  kind: "info" | "problem";
}

const INFO_MS = 4000;
const PROBLEM_MS = 12_000;
const MOST = 4;

/** Short words to the reader: what was refused, what was done. */
export class Notices {
  list = $state.raw<readonly Notice[]>([]);
  #nextId = 1;

  /** Returns what `dismiss` takes. */
  info(text: string): number {
    return this.#add(text, "info", INFO_MS);
  }

  problem(text: string): void {
    this.#add(text, "problem", PROBLEM_MS);
  }

  dismiss(id: number): void {
    this.list = this.list.filter((notice) => notice.id !== id);
  }

  /** What they were about is over. */
  clear(): void {
    this.list = [];
  }

  #add(text: string, kind: Notice["kind"], forMs: number): number {
    const id = this.#nextId++;
    const others = this.list.filter((notice) => notice.text !== text);
    this.list = [...others, { id, text, kind }].slice(-MOST);
    setTimeout(() => {
      this.dismiss(id);
    }, forMs);
    return id;
  }
}
