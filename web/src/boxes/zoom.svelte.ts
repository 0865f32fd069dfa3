import { flushSync } from "svelte";
import type { Size } from "./place.ts";
import { followPointers } from "./pointers.ts";

/** One step of a key or a button; a wheel notch is about one, too. */
const STEP = 1.25;
/** A small picture is shown larger than it is, up to this, since a few pixels are hard to point at. */
const MAX_FIT = 3;
/** At most this many CSS pixels for one of the picture. */
const MAX_PIXEL = 16;
/** From here on pixels are worth seeing as such. */
const BLOCKY_FROM = 3.5;
const WHEEL_PX_PER_STEP = 100;

/** How much larger than its own pixels a picture is shown so that all of it is in sight. */
export function fitFactor(picture: Size, view: Size): number {
  if (view.width <= 0 || view.height <= 0) return 1;
  return Math.min(MAX_FIT, view.width / picture.width, view.height / picture.height);
}

/**
 * A view that shows a picture at any size. It is laid out in that size and scrolled, never scaled as a
 * finished drawing, so that it is sharp; scroll bars, touch and arrow keys move it as they move any page.
 */
export class Zoom {
  /** 1: all of the picture is in sight. */
  scale = $state(1);
  view: Size = $state.raw({ width: 0, height: 0 });
  picture: Size = $state.raw({ width: 1, height: 1 });
  readonly fit = $derived(fitFactor(this.picture, this.view));
  readonly width = $derived(this.picture.width * this.fit * this.scale);
  readonly height = $derived(this.picture.height * this.fit * this.scale);
  /** CSS pixels for one of the picture. */
  readonly factor = $derived(this.fit * this.scale);
  readonly blocky = $derived(this.factor > BLOCKY_FROM);
  readonly percent = $derived(Math.round(this.factor * 100));
  readonly zoomed = $derived(this.scale > 1.001);
  #element: HTMLElement | null = null;

  /** The scrolling element. Returns the attachment's cleanup. */
  attach(element: HTMLElement, wheel: "always" | "withCtrl"): () => void {
    this.#element = element;
    const measure = new ResizeObserver(() => {
      // With its scroll bars, which come and go: what fits must not depend on them.
      this.view = { width: element.offsetWidth, height: element.offsetHeight };
    });
    measure.observe(element);
    const onWheel = (event: WheelEvent) => {
      // A pinch on a touchpad comes as a wheel with Ctrl.
      if (wheel === "withCtrl" && !event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const notches = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY / WHEEL_PX_PER_STEP : event.deltaY / 3;
      const fine = event.ctrlKey && Math.abs(event.deltaY) < 40 ? 4 : 1;
      this.zoomBy(STEP ** -(notches * fine), event);
    };
    element.addEventListener("wheel", onWheel, { passive: false });
    const stopPointers = followPointers(element, (factor, at) => {
      this.zoomBy(factor, at);
    });
    return () => {
      measure.disconnect();
      element.removeEventListener("wheel", onWheel);
      stopPointers();
      this.#element = null;
    };
  }

  /** `at`: what stays where it is, in client coordinates; the middle of the view otherwise. */
  zoomBy(factor: number, at?: { clientX: number; clientY: number }): void {
    this.zoomTo(this.scale * factor, at);
  }

  zoomTo(scale: number, at?: { clientX: number; clientY: number }): void {
    const wanted = Math.min(Math.max(1, scale), Math.max(4, MAX_PIXEL / this.fit));
    const element = this.#element;
    if (!element) {
      this.scale = wanted;
      return;
    }
    const view = element.getBoundingClientRect();
    const x = at ? at.clientX - view.left : view.width / 2;
    const y = at ? at.clientY - view.top : view.height / 2;
    const before = this.#origin();
    const partX = (x - before.x) / this.width;
    const partY = (y - before.y) / this.height;
    flushSync(() => {
      this.scale = wanted;
    });
    element.scrollLeft = partX * this.width - x + Math.max(0, (this.view.width - this.width) / 2);
    element.scrollTop = partY * this.height - y + Math.max(0, (this.view.height - this.height) / 2);
  }

  /** All of it, or one pixel for one (or twice as large, where that is no more). */
  toggle(at?: { clientX: number; clientY: number }): void {
    this.zoomTo(this.zoomed ? 1 : Math.max(2, 1 / this.fit), at);
  }

  step(direction: 1 | -1): void {
    this.zoomBy(STEP ** direction);
  }

  /** Bring a part of the picture into sight. Parts of its width and height, as in a placed mark. */
  reveal(part: { left: number; top: number; right: number; bottom: number }): void {
    const element = this.#element;
    if (!element || !this.zoomed) return;
    element.scrollTo({
      left: ((part.left + part.right) / 2) * this.width - this.view.width / 2,
      top: ((part.top + part.bottom) / 2) * this.height - this.view.height / 2,
    });
  }

  /** Keys of the view itself. True: the key was taken. */
  key(key: string): boolean {
    if (key === "+" || key === "=") this.step(1);
    else if (key === "-" || key === "_") this.step(-1);
    else if (key === "0") this.zoomTo(1);
    else return false;
    return true;
  }

  /** Where the picture's corner is in the view. */
  #origin(): { x: number; y: number } {
    const element = this.#element;
    return {
      x: Math.max(0, (this.view.width - this.width) / 2) - (element?.scrollLeft ?? 0),
      y: Math.max(0, (this.view.height - this.height) / 2) - (element?.scrollTop ?? 0),
    };
  }
}
