/** A pointer that moves further than this drags; less is a click. */
const DRAG_PX = 6;
/** A finger that rests this long drags; one that moves at once scrolls the list. */
const REST_MS = 350;
/** So close to an edge, the list moves on by so much with each move. */
const EDGE_PX = 36;
const SCROLL_PX = 14;

/**
 * Reordering the children of a list by dragging them, with mouse, pen or finger. Children carry `data-id`.
 *
 * onMove: called as the dragged child passes others, with its new place.
 */
export class Reorder {
  dragged = $state<string | null>(null);
  /** A drag has just ended: the click that follows it means nothing. */
  justDragged = false;
  readonly #onMove: (id: string, index: number) => void;

  constructor(onMove: (id: string, index: number) => void) {
    this.#onMove = onMove;
  }

  readonly list = (list: HTMLElement) => {
    const onPointerDown = (event: PointerEvent) => {
      if (event.button === 0 && event.target instanceof Element) this.#press(list, event, event.target);
    };
    // While something is dragged by a finger, neither the list scrolls nor a menu opens.
    const keep = (event: Event) => {
      if (this.dragged !== null && event.cancelable) event.preventDefault();
    };
    list.addEventListener("pointerdown", onPointerDown);
    list.addEventListener("touchmove", keep, { passive: false });
    list.addEventListener("contextmenu", keep);
    return () => {
      list.removeEventListener("pointerdown", onPointerDown);
      list.removeEventListener("touchmove", keep);
      list.removeEventListener("contextmenu", keep);
    };
  };

  #press(list: HTMLElement, down: PointerEvent, target: Element): void {
    const id = target.closest<HTMLElement>("[data-id]")?.dataset["id"];
    if (id === undefined) return;
    this.justDragged = false;
    const byFinger = down.pointerType === "touch";
    const rest = setTimeout(() => {
      if (byFinger) this.dragged = id;
    }, REST_MS);
    const onMove = (event: PointerEvent) => {
      if (event.pointerId !== down.pointerId) return;
      const far = Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) > DRAG_PX;
      if (this.dragged === null && !far) return;
      if (byFinger && this.dragged === null) {
        onEnd(event); // it scrolls
        return;
      }
      this.dragged = id;
      scrollAtEdge(list, event.clientX);
      const index = placeAt(list, event.clientX, event.clientY);
      const children = [...list.querySelectorAll<HTMLElement>("[data-id]")];
      if (index !== null && children[index]?.dataset["id"] !== id) this.#onMove(id, index);
    };
    const onEnd = (event: PointerEvent) => {
      if (event.pointerId !== down.pointerId) return;
      clearTimeout(rest);
      removeEventListener("pointermove", onMove);
      removeEventListener("pointerup", onEnd);
      removeEventListener("pointercancel", onEnd);
      this.justDragged = this.dragged !== null;
      this.dragged = null;
    };
    addEventListener("pointermove", onMove);
    addEventListener("pointerup", onEnd);
    addEventListener("pointercancel", onEnd);
  }
}

function scrollAtEdge(list: HTMLElement, x: number): void {
  const { left, right } = list.getBoundingClientRect();
  if (x < left + EDGE_PX) list.scrollLeft -= SCROLL_PX;
  else if (x > right - EDGE_PX) list.scrollLeft += SCROLL_PX;
}

/** Index of the child under a point, or null between and beside them. */
function placeAt(list: HTMLElement, x: number, y: number): number | null {
  const children = [...list.querySelectorAll<HTMLElement>("[data-id]")];
  const index = children.findIndex((child) => {
    const box = child.getBoundingClientRect();
    return x >= box.left && x <= box.right && y >= box.top && y <= box.bottom;
  });
  return index < 0 ? null : index;
}
