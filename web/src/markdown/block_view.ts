import type { Block } from "./blocks.ts";
import { decorate, type DecorationTexts } from "./decorate.ts";
import { enrich, type RichTexts } from "./rich/enrich.ts";
import { sanitizeAll } from "./sanitize.ts";

interface Shown {
  block: Block;
  readonly element: HTMLElement;
  /** Had its colours and diagrams, too. */
  enriched: boolean;
}

/**
 * The blocks of one answer on the page, each in an element of its own. What has not changed is not touched,
 * so that a selection in it stays; what has changed is sanitised together, in one go.
 */
export class BlockView {
  readonly #root: HTMLElement;
  readonly #texts: DecorationTexts & RichTexts;
  #shown: Shown[] = [];

  /** root: empty, and only this view's from now on. */
  constructor(root: HTMLElement, texts: DecorationTexts & RichTexts) {
    this.#root = root;
    this.#texts = texts;
  }

  /** blocks: those that are the same objects as last time are unchanged. whole: no word is missing any more. */
  show(blocks: readonly Block[], whole: boolean): void {
    let same = 0;
    while (same < blocks.length && this.#shown[same]?.block === blocks[same]) same += 1;
    const before = new Map(this.#shown.splice(same).map((each) => [each.block.start, each]));
    const changed: Shown[] = [];
    for (const block of blocks.slice(same)) {
      const known = before.get(block.start);
      before.delete(block.start);
      const each = known ?? { block, element: newElement(), enriched: false };
      if (known?.block !== block) changed.push(each);
      each.block = block;
      this.#shown.push(each);
    }
    for (const { element } of before.values()) element.remove();
    this.#fill(changed);
    this.#place(same);
    for (const each of whole ? this.#shown : changed) this.#enrich(each, whole);
  }

  #fill(changed: readonly Shown[]): void {
    if (changed.length === 0) return;
    const safe = sanitizeAll(changed.map(({ block }) => block.html));
    decorate(safe, this.#texts);
    const contents = [...safe.children];
    changed.forEach((each, index) => {
      each.element.replaceChildren(...(contents[index]?.childNodes ?? []));
      each.enriched = false;
    });
  }

  /** Put the elements from `first` on where they belong. */
  #place(first: number): void {
    let next = first === 0 ? this.#root.firstChild : (this.#shown[first - 1]?.element.nextSibling ?? null);
    for (const { element } of this.#shown.slice(first)) {
      if (element === next) next = element.nextSibling;
      else this.#root.insertBefore(element, next);
    }
  }

  #enrich(each: Shown, whole: boolean): void {
    if (each.enriched) return;
    each.enriched = whole;
    enrich(each.element, whole, this.#texts);
  }
}

function newElement(): HTMLElement {
  const element = document.createElement("div");
  element.className = "md-block";
  return element;
}
