/** Ties the places in a rendered answer where a mark is written to the mark on the picture. */
import { findMarks, type Mark } from "./marks.ts";

const PART = "mark-text";
const CONTAINERS = "pre code, p, li, td, h1, h2, h3, h4, h5, h6";

export interface TextLinkEvents {
  /** Pointer or focus is on these marks; empty: on none. */
  onhover: (indexes: readonly number[]) => void;
  onkeep: (indexes: readonly number[]) => void;
  colourOf: (index: number) => string;
}

const indexesOf = (element: Element | null): number[] =>
  element?.getAttribute("data-marks")?.split(",").map(Number) ?? [];

const partAt = (target: EventTarget | null): HTMLElement | null =>
  target instanceof Element ? target.closest<HTMLElement>(`.${PART}`) : null;

/** Put the characters from `start` to `end` of an element into spans, one for each text node that they touch. */
function wrap(container: Element, start: number, end: number): HTMLElement[] {
  const texts: { node: Text; from: number; to: number }[] = [];
  const walker = document.createTreeWalker(container, NodeFilter.SHOW_TEXT);
  let at = 0;
  for (let node = walker.nextNode() as Text | null; node; node = walker.nextNode() as Text | null) {
    const from = Math.max(start - at, 0);
    const to = Math.min(end - at, node.data.length);
    if (from < to) texts.push({ node, from, to });
    at += node.data.length;
    if (at >= end) break;
  }
  return texts.map(({ node, from, to }) => {
    const middle = from > 0 ? node.splitText(from) : node;
    if (to - from < middle.data.length) middle.splitText(to - from);
    const span = document.createElement("span");
    span.className = PART;
    middle.replaceWith(span);
    span.append(middle);
    return span;
  });
}

/** The marks in an element's text, grouped by where they stand. */
function itemsIn(text: string): { start: number; end: number; marks: Mark[] }[] {
  const items: { start: number; end: number; marks: Mark[] }[] = [];
  for (const mark of findMarks(text)) {
    const last = items.at(-1);
    if (last?.start === mark.start) last.marks.push(mark);
    else items.push({ start: mark.start, end: mark.end, marks: [mark] });
  }
  return items;
}

export class TextLink {
  readonly #root: HTMLElement;
  readonly #events: TextLinkEvents;
  readonly #observer: MutationObserver;
  readonly #listeners = new AbortController();
  readonly #done = new WeakMap<Element, string>();
  #marks: readonly Mark[] = [];
  #frame = 0;

  constructor(root: HTMLElement, events: TextLinkEvents) {
    this.#root = root;
    this.#events = events;
    // The answer is rendered piece by piece, and again as a whole; each new piece is tied anew.
    this.#observer = new MutationObserver(() => {
      this.#schedule();
    });
    this.#observer.observe(root, { childList: true, subtree: true });
    this.#listen();
  }

  set marks(marks: readonly Mark[]) {
    this.#marks = marks;
    this.#schedule();
  }

  /** Show which marks are meant. */
  light(lit: readonly number[], kept: readonly number[]): void {
    for (const part of this.#parts()) {
      const own = indexesOf(part);
      part.classList.toggle("lit", own.some((index) => lit.includes(index)));
      if (part.role === "button") part.ariaPressed = String(own.some((index) => kept.includes(index)));
    }
  }

  /** Scroll to where a mark is written. */
  reveal(index: number): void {
    const part = this.#parts().find((candidate) => indexesOf(candidate).includes(index));
    part?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  stop(): void {
    cancelAnimationFrame(this.#frame);
    this.#observer.disconnect();
    this.#listeners.abort();
  }

  #parts(): HTMLElement[] {
    return [...this.#root.querySelectorAll<HTMLElement>(`.${PART}`)];
  }

  #schedule(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => {
      this.#update();
    });
  }

  #update(): void {
    let next = 0;
    for (const container of this.#root.querySelectorAll(CONTAINERS)) {
      if (container.querySelector(CONTAINERS)) continue; // its innermost ones are enough
      const text = container.textContent;
      if (!/bbox|point/.test(text)) continue;
      const items = itemsIn(text).map((item) => ({
        ...item,
        // The text of Markdown is not that of the page: numbers say which is which, order says it for equal ones.
        indexes: item.marks.flatMap((mark) => {
          const found = this.#marks.findIndex((known, index) => index >= next && String(known.numbers) === String(mark.numbers));
          if (found < 0) return [];
          next = found + 1;
          return [found];
        }),
      }));
      const state = `${text}\n${items.map((item) => item.indexes.join()).join(";")}`;
      if (this.#done.get(container) === state && container.querySelector(`.${PART}`)) continue;
      for (const part of container.querySelectorAll(`.${PART}`)) part.replaceWith(...part.childNodes);
      container.normalize();
      this.#done.set(container, state);
      // Outer ones first: what stands inside of another keeps a span of its own.
      for (const { start, end, indexes } of items) if (indexes.length > 0) this.#tie(container, start, end, indexes);
    }
    const stops = this.#stops();
    if (stops[0] && !stops.some((stop) => stop.tabIndex === 0)) stops[0].tabIndex = 0;
  }

  #tie(container: Element, start: number, end: number, indexes: readonly number[]): void {
    wrap(container, start, end).forEach((span, place) => {
      span.setAttribute("data-marks", indexes.join());
      span.style.setProperty("--line-colour", this.#events.colourOf(indexes[0] as number));
      if (place > 0) return;
      span.role = "button";
      span.ariaPressed = "false";
      span.tabIndex = -1;
    });
  }

  /** One of them is a stop of the Tab key; arrow keys go on from there. */
  #stops(): HTMLElement[] {
    return this.#parts().filter((part) => part.role === "button");
  }

  #listen(): void {
    const { signal } = this.#listeners;
    const { onhover, onkeep } = this.#events;
    const over = (event: Event) => {
      onhover(indexesOf(partAt(event.target)));
    };
    const out = () => {
      onhover([]);
    };
    this.#root.addEventListener("pointerover", over, { signal });
    this.#root.addEventListener("pointerleave", out, { signal });
    this.#root.addEventListener(
      "focusin",
      (event) => {
        const part = partAt(event.target);
        if (!part) return;
        for (const stop of this.#stops()) stop.tabIndex = stop === part ? 0 : -1;
        if (part.matches(":focus-visible")) onhover(indexesOf(part));
      },
      { signal },
    );
    this.#root.addEventListener("focusout", out, { signal });
    this.#root.addEventListener(
      "click",
      (event) => {
        const part = partAt(event.target);
        // Whoever selects text means the text.
        if (part && getSelection()?.isCollapsed !== false) onkeep(indexesOf(part));
      },
      { signal },
    );
    this.#root.addEventListener(
      "keydown",
      (event) => {
        const part = partAt(event.target);
        if (!part || event.target !== part || event.ctrlKey || event.metaKey || event.altKey) return;
        const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
        if (event.key === "Enter" || event.key === " ") onkeep(indexesOf(part));
        else if (step === undefined) return;
        else {
          const stops = this.#stops();
          stops[(stops.indexOf(part) + step + stops.length) % stops.length]?.focus();
        }
        event.preventDefault();
      },
      { signal },
    );
  }
}
