import type { SendMode, SentImage } from "../store/records.ts";
import { hasOtherColours } from "./colour.ts";
import { sentSize, type Size, type VisionBudget } from "./plan.ts";
import { sha256 } from "./sha256.ts";

/** What the reader wants of a picture, and what the model takes. */
export interface Wish {
  mode: SendMode;
  budget: VisionBudget;
}

/** `blob`: the bytes to send; null where they are the picture's own. */
export type Derived = SentImage & { blob: Blob | null };

/** Read by the gateway; everything else is sent as PNG or JPEG. */
const READ_BY_GATEWAY = new Set(["image/jpeg", "image/png", "image/webp", "image/bmp", "image/avif", "image/tiff", "image/gif"]);

/** Sharp edges (screenshots, drawings, text) suffer from JPEG; a photograph does not. */
const LOSSY = new Set(["image/jpeg", "image/heic", "image/avif"]);
const MOST_PNG_PIXELS = 4_000_000;
const JPEG_QUALITY = 0.93;

/** A canvas with the whole picture at `size`, on white, in sRGB. Halves first: one large step would skip pixels. */
export function scaled(bitmap: ImageBitmap, size: Size): OffscreenCanvas {
  let source: ImageBitmap | OffscreenCanvas = bitmap;
  let { width, height } = bitmap;
  while (width >= 2 * size.width && height >= 2 * size.height) {
    const half = drawn(source, { width: Math.ceil(width / 2), height: Math.ceil(height / 2) }, "medium");
    source = half;
    ({ width, height } = half);
  }
  return drawn(source, size, "high");
}

function drawn(source: CanvasImageSource, size: Size, quality: ImageSmoothingQuality): OffscreenCanvas {
  const canvas = new OffscreenCanvas(size.width, size.height);
  // No GPU: the bytes are wanted back, and large pictures must not depend on its memory.
  const context = canvas.getContext("2d", { willReadFrequently: true, colorSpace: "srgb" });
  if (!context) throw new Error("no canvas");
  // As on a page, and as the gateway does it: what is transparent shows white.
  context.fillStyle = "#fff";
  context.fillRect(0, 0, size.width, size.height);
  context.imageSmoothingQuality = quality;
  context.drawImage(source, 0, 0, size.width, size.height);
  return canvas;
}

/**
 * What is sent of a decoded picture.
 *
 * original: the file's bytes, their media type and hash. `bitmap` is upright and stays open.
 */
export async function derive(
  bitmap: ImageBitmap,
  original: { bytes: Uint8Array; type: string; sha256: string },
  { mode, budget }: Wish,
): Promise<Derived> {
  const whole = { width: bitmap.width, height: bitmap.height };
  const size = sentSize(mode, whole, budget);
  const { type } = original;
  const fits = size.width === whole.width && size.height === whole.height;
  // Of an animation only the first picture is looked at: the others need not travel.
  const travels = READ_BY_GATEWAY.has(type) && (mode === "original" || type !== "image/gif");
  const right = mode === "original" || !hasOtherColours(original.bytes, type);
  if (typeof OffscreenCanvas === "undefined" || (fits && travels && right)) return asIs(original, whole, mode);

  const lossy = LOSSY.has(type) || size.width * size.height > MOST_PNG_PIXELS;
  const canvas = scaled(bitmap, size);
  const blob = await canvas.convertToBlob({ type: lossy ? "image/jpeg" : "image/png", quality: JPEG_QUALITY });
  const digest = await sha256(new Uint8Array(await blob.arrayBuffer()));
  return { mode, sha256: digest, type: blob.type, sizeBytes: blob.size, ...size, blob };
}

function asIs(original: { bytes: Uint8Array; type: string; sha256: string }, size: Size, mode: SendMode): Derived {
  const { sha256: digest, type, bytes } = original;
  return { mode, sha256: digest, type, sizeBytes: bytes.length, ...size, blob: null };
}
