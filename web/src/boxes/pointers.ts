/** Less is a click with an unsteady hand. */
const DRAG_FROM_PX = 4;

interface Drag {
  x: number;
  y: number;
  left: number;
  top: number;
  moved: boolean;
}

/**
 * A mouse drags what scrolls, two fingers pinch it; one finger scrolls by the browser's own means. What
 * lies on it and is dragged for other ends says so with `data-own-drag`.
 * Returns what ends it.
 */
export function followPointers(
  element: HTMLElement,
  onpinch: (factor: number, at: { clientX: number; clientY: number }) => void,
): () => void {
  const listeners = new AbortController();
  const { signal } = listeners;
  const fingers = new Map<number, { x: number; y: number }>();
  let drag: Drag | null = null;
  let spread = 0;

  const distance = () => {
    const [a, b] = [...fingers.values()];
    return a && b ? Math.hypot(a.x - b.x, a.y - b.y) : 0;
  };
  const onDown = (event: PointerEvent) => {
    if (event.target instanceof Element && event.target.closest("[data-own-drag]")) return;
    const { clientX: x, clientY: y } = event;
    if (event.pointerType === "touch") {
      fingers.set(event.pointerId, { x, y });
      spread = distance();
    } else if (event.button === 0) {
      drag = { x, y, left: element.scrollLeft, top: element.scrollTop, moved: false };
    }
  };
  const onPinch = (event: PointerEvent) => {
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const [a, b] = [...fingers.values()];
    if (!a || !b || spread <= 0) return;
    const now = distance();
    onpinch(now / spread, { clientX: (a.x + b.x) / 2, clientY: (a.y + b.y) / 2 });
    spread = now;
  };
  const onDrag = (event: PointerEvent, from: Drag) => {
    const dx = event.clientX - from.x;
    const dy = event.clientY - from.y;
    if (!from.moved && Math.hypot(dx, dy) < DRAG_FROM_PX) return;
    if (!from.moved) element.setPointerCapture(event.pointerId); // from here on it is no click
    from.moved = true;
    element.scrollLeft = from.left - dx;
    element.scrollTop = from.top - dy;
  };
  const onMove = (event: PointerEvent) => {
    if (fingers.has(event.pointerId)) onPinch(event);
    else if (drag) onDrag(event, drag);
  };
  const onUp = (event: PointerEvent) => {
    fingers.delete(event.pointerId);
    spread = 0;
    drag = null;
  };
  // Two fingers on the picture are ours, or the browser would zoom the page.
  const onTouch = (event: TouchEvent) => {
    if (event.touches.length > 1) event.preventDefault();
  };
  element.addEventListener("pointerdown", onDown, { signal });
  element.addEventListener("pointermove", onMove, { signal });
  element.addEventListener("pointerup", onUp, { signal });
  element.addEventListener("pointercancel", onUp, { signal });
  element.addEventListener("touchmove", onTouch, { signal, passive: false });
  return () => {
    listeners.abort();
  };
}
