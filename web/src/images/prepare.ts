import { derive, scaled, type Derived, type Wish } from "./derive.ts";
import { ImageRefused, type RefusalReason } from "./refusal.ts";
import { sha256 } from "./sha256.ts";
import { sniff } from "./sniff.ts";

/** Longer side of a thumbnail: sharp at 240 CSS pixels on a screen with two device pixels to each. */
export const THUMB_PX = 512;

const THUMB_QUALITY = 0.82;

export interface ImageLimits {
  maxBytes: number;
  maxPixels: number;
}

export interface PreparedImage {
  sha256: string;
  type: string;
  sizeBytes: number;
  /** With EXIF orientation applied. */
  width: number;
  height: number;
  thumb: Blob | null;
  /** What is sent of it, where that was asked for. */
  sent?: Derived;
}

export { ImageRefused, type RefusalReason } from "./refusal.ts";

const REFUSED_TYPES: Record<string, RefusalReason> = {
  "application/pdf": "pdf",
  "video/mp4": "video",
};

/** Types that only some browsers decode: a failure is the format's, not the file's. */
const UNCERTAIN_TYPES: Record<string, RefusalReason> = {
  "image/heic": "heic",
  "image/tiff": "tiff",
};

async function thumbnail(bitmap: ImageBitmap): Promise<Blob | null> {
  if (typeof OffscreenCanvas === "undefined") return null;
  const scale = Math.min(1, THUMB_PX / Math.max(bitmap.width, bitmap.height));
  const width = Math.max(1, Math.round(bitmap.width * scale));
  const height = Math.max(1, Math.round(bitmap.height * scale));
  const canvas = scaled(bitmap, { width, height });
  return canvas.convertToBlob({ type: "image/webp", quality: THUMB_QUALITY });
}

/**
 * Check a picture file, by really decoding it, and make its thumbnail and what is sent of it. The bytes
 * stay as they are.
 *
 * raster: the pixels of a drawing, which a worker cannot decode. Runs in a worker, or on the page where
 * there are none. Throws: ImageRefused; with "svg" for a drawing without `raster`.
 */
export async function prepareImage(
  bytes: Uint8Array<ArrayBuffer>,
  limits: ImageLimits,
  wish?: Wish,
  raster?: Blob,
): Promise<PreparedImage> {
  if (bytes.length === 0) throw new ImageRefused("empty");
  const { type, width, height } = sniff(bytes);
  if (type === null) throw new ImageRefused("not_image");
  const refusal = REFUSED_TYPES[type];
  if (refusal) throw new ImageRefused(refusal);
  if (bytes.length > limits.maxBytes) throw new ImageRefused("bytes");
  if ((width ?? 0) * (height ?? 0) > limits.maxPixels) throw new ImageRefused("pixels");
  if (type === "image/svg+xml" && !raster) throw new ImageRefused("svg");

  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(raster ?? new Blob([bytes], { type }));
  } catch (cause) {
    throw new ImageRefused(UNCERTAIN_TYPES[type] ?? "unreadable", cause);
  }
  try {
    if (bitmap.width * bitmap.height > limits.maxPixels) throw new ImageRefused("pixels");
    const digest = await sha256(bytes);
    return {
      sha256: digest,
      type,
      sizeBytes: bytes.length,
      width: bitmap.width,
      height: bitmap.height,
      thumb: await thumbnail(bitmap),
      ...(wish ? { sent: await derive(bitmap, { bytes, type, sha256: digest }, wish) } : {}),
    };
  } finally {
    bitmap.close();
  }
}
