/** Within so many pixels of the end the reader counts as being there. */
const NEAR_PX = 32;

/** "Back to top" is offered once so many window heights lie above. */
const FAR_WINDOWS = 1.5;

/**
 * The one owner of the conversation's scroll position. It keeps the newest message in view while the
 * reader is there, and lets go at the reader's first move upwards. Each scroll event is told apart by
 * where it leads: to where this class has just set it, or somewhere else, which is the reader's doing.
 */
export class Scroller {
  /** The reader is at the newest message and stays there while it grows. */
  pinned = $state(true);
  /** Far enough down for a way back up to be of use. */
  farFromTop = $state(false);
  #view: HTMLElement | null = null;
  #setTo = -1;
  #lastTop = 0;
  #lastMax = 0;

  /** For the element that scrolls. */
  readonly view = (view: HTMLElement) => {
    this.#view = view;
    const onScroll = () => {
      this.#scrolled();
    };
    // A turn of the wheel upwards counts even when the text grows by more in the same frame.
    const onWheel = (event: WheelEvent) => {
      if (event.deltaY < 0 && view.scrollTop > 0) this.pinned = false;
    };
    view.addEventListener("scroll", onScroll, { passive: true });
    view.addEventListener("wheel", onWheel, { passive: true });
    const sizes = new ResizeObserver(() => {
      this.#follow();
    });
    sizes.observe(view);
    return () => {
      view.removeEventListener("scroll", onScroll);
      view.removeEventListener("wheel", onWheel);
      sizes.disconnect();
      this.#view = null;
    };
  };

  /** For the element inside that grows. */
  readonly content = (content: HTMLElement) => {
    const sizes = new ResizeObserver(() => {
      this.#follow();
    });
    sizes.observe(content);
    return () => {
      sizes.disconnect();
    };
  };

  get #max(): number {
    return this.#view ? this.#view.scrollHeight - this.#view.clientHeight : 0;
  }

  toNewest(): void {
    this.pinned = true;
    this.#follow();
  }

  toTop(): void {
    this.pinned = false;
    this.#view?.scrollTo({ top: 0 });
  }

  /** Run `change`, which adds content above, without moving what the reader looks at. */
  async keepPlace(anchor: () => Element | null | undefined, change: () => Promise<void>): Promise<void> {
    const element = anchor();
    const before = element?.getBoundingClientRect().top ?? 0;
    await change();
    if (this.pinned || !this.#view || !element?.isConnected) return;
    const moved = element.getBoundingClientRect().top - before;
    if (Math.abs(moved) > 1) this.#set(this.#view.scrollTop + moved);
  }

  #follow(): void {
    if (this.pinned) this.#set(this.#max);
    this.#look();
  }

  #set(top: number): void {
    if (!this.#view) return;
    this.#view.scrollTop = top;
    this.#setTo = this.#view.scrollTop; // as the browser rounded and clamped it
    this.#lastTop = this.#setTo;
  }

  #scrolled(): void {
    if (!this.#view) return;
    const top = this.#view.scrollTop;
    const max = this.#max;
    const ours = Math.abs(top - this.#setTo) <= 1;
    const shrank = max < this.#lastMax;
    if (!ours) {
      this.#setTo = -1;
      if (top < this.#lastTop - 1 && !shrank) this.pinned = false;
      else if (max - top <= NEAR_PX) this.pinned = true;
    }
    this.#lastTop = top;
    this.#lastMax = max;
    this.#look();
  }

  #look(): void {
    if (!this.#view) return;
    this.#lastMax = this.#max;
    this.farFromTop = this.#view.scrollTop > FAR_WINDOWS * this.#view.clientHeight;
  }
}
