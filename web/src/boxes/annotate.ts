/** The picture with its marks, drawn in the picture's own pixels. */
import { colourOf } from "./colours.ts";
import type { PlacedMark } from "./place.ts";

/** The browser cannot make a canvas of this size, or cannot decode the picture. */
export class CannotDraw extends Error {
  override readonly name = "CannotDraw";
}

const MIN_LINE_PX = 2;
/** Line and letters grow with the picture, so that they are seen when it is shown small. */
const LINE_PART = 1 / 400;
const FONT_PER_LINE = 7;

function label(context: CanvasRenderingContext2D, placed: PlacedMark, line: number, text: string, ink: string): void {
  const { width, height } = context.canvas;
  const font = line * FONT_PER_LINE;
  context.font = `600 ${font}px system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif`;
  const box = { width: context.measureText(text).width + font * 0.7, height: font * 1.4 };
  const x = Math.max(0, Math.min(placed.left * width, width - box.width));
  const above = placed.top * height - box.height;
  const y = above >= 0 ? above : placed.top * height;
  context.fillRect(x, y, box.width, box.height);
  context.fillStyle = ink;
  context.textBaseline = "middle";
  context.fillText(text, x + font * 0.35, y + box.height / 2);
}

function draw(context: CanvasRenderingContext2D, marks: readonly PlacedMark[]): void {
  const { width, height } = context.canvas;
  const line = Math.max(MIN_LINE_PX, Math.round(Math.max(width, height) * LINE_PART));
  const labels = marks.map(({ mark }) => mark.label);
  marks.forEach((placed, place) => {
    const colour = colourOf(labels, place);
    const x = placed.left * width;
    const y = placed.top * height;
    for (const [stroke, thickness] of [
      ["#ffffff", line * 2],
      [colour.line, line],
    ] as const) {
      context.strokeStyle = stroke;
      context.lineWidth = thickness;
      context.beginPath();
      if (placed.mark.kind === "box") {
        context.rect(x, y, (placed.right - placed.left) * width, (placed.bottom - placed.top) * height);
      } else context.arc(x, y, line * 3, 0, 2 * Math.PI);
      context.stroke();
    }
    context.fillStyle = colour.line;
    if (placed.mark.kind === "point") context.fill();
    label(context, placed, line, placed.mark.label || String(placed.index + 1), colour.ink);
  });
}

/** PNG in the picture's own size. Throws: CannotDraw. */
export async function annotated(picture: Blob, marks: readonly PlacedMark[]): Promise<Blob> {
  const bitmap = await createImageBitmap(picture).catch((cause: unknown) => {
    throw new CannotDraw("the picture cannot be decoded", { cause });
  });
  const canvas = document.createElement("canvas");
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  const context = canvas.getContext("2d");
  if (!context) throw new CannotDraw(`no canvas of ${bitmap.width} × ${bitmap.height}`);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  draw(context, marks);
  const png = await new Promise<Blob | null>((resolve) => {
    canvas.toBlob(resolve, "image/png");
  });
  if (!png) throw new CannotDraw(`no canvas of ${canvas.width} × ${canvas.height}`);
  return png;
}

/** Only where the page is served from this computer or with HTTPS. */
export function canCopyImages(): boolean {
  return typeof ClipboardItem !== "undefined" && (navigator.clipboard as Clipboard | undefined) !== undefined;
}

/** Put a picture on the clipboard. Rejects when the browser does not allow it. */
export async function copyImage(png: Promise<Blob>): Promise<void> {
  // Safari wants the item made within the click, before the picture is ready.
  await navigator.clipboard.write([new ClipboardItem({ "image/png": png })]);
}
