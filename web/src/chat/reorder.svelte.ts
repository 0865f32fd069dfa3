/** A pointer that moves further than this drags; less is a click. */
const DRAG_PX = 6;

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
    list.addEventListener("pointerdown", onPointerDown);
    return () => {
      list.removeEventListener("pointerdown", onPointerDown);
    };
  };

  #press(list: HTMLElement, down: PointerEvent, target: Element): void {
    const id = target.closest<HTMLElement>("[data-id]")?.dataset["id"];
    if (id === undefined) return;
    this.justDragged = false;
    const onMove = (event: PointerEvent) => {
      if (event.pointerId !== down.pointerId) return;
      const far = Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) > DRAG_PX;
      if (this.dragged === null && !far) return;
      this.dragged = id;
      const index = placeAt(list, event.clientX, event.clientY);
      const children = [...list.querySelectorAll<HTMLElement>("[data-id]")];
      if (index !== null && children[index]?.dataset["id"] !== id) this.#onMove(id, index);
    };
    const onEnd = (event: PointerEvent) => {
      if (event.pointerId !== down.pointerId) return;
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

/** Index of the child under a point, or null between and beside them. */
function placeAt(list: HTMLElement, x: number, y: number): number | null {
  const children = [...list.querySelectorAll<HTMLElement>("[data-id]")];
  const index = children.findIndex((child) => {
    const box = child.getBoundingClientRect();
    return x >= box.left && x <= box.right && y >= box.top && y <= box.bottom;
  });
  return index < 0 ? null : index;
}
