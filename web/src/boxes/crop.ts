import { CannotDraw } from "./annotate.ts";
import { enlargement, type Region } from "./region.ts";

/** A PNG above this, out of a JPEG, has nothing in it that a good JPEG would not have. */
const MOST_PNG_BYTES = 4_000_000;
const JPEG_QUALITY = 0.95;

function toBlob(canvas: HTMLCanvasElement, type: string, quality?: number): Promise<Blob> {
  return new Promise((resolve, reject) => {
    canvas.toBlob(
      (blob) => {
        if (blob) resolve(blob);
        else reject(new CannotDraw(`no canvas of ${canvas.width} × ${canvas.height}`));
      },
      type,
      quality,
    );
  });
}

/**
 * A part of a picture out of its own pixels, the right way up (EXIF), without loss. `factor`: how many
 * times larger it was made, so that a model sees it. Throws: CannotDraw.
 */
export async function crop(picture: Blob, region: Region): Promise<{ blob: Blob; factor: number }> {
  const bitmap = await createImageBitmap(picture).catch((cause: unknown) => {
    throw new CannotDraw("the picture cannot be decoded", { cause });
  });
  const factor = enlargement(region);
  const canvas = document.createElement("canvas");
  canvas.width = region.width * factor;
  canvas.height = region.height * factor;
  const context = canvas.getContext("2d");
  if (!context) throw new CannotDraw(`no canvas of ${canvas.width} × ${canvas.height}`);
  context.imageSmoothingQuality = "high";
  const { x, y, width, height } = region;
  context.drawImage(bitmap, x, y, width, height, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  const png = await toBlob(canvas, "image/png");
  const isPhoto = picture.type === "image/jpeg" && png.size > MOST_PNG_BYTES;
  return { blob: isPhoto ? await toBlob(canvas, "image/jpeg", JPEG_QUALITY) : png, factor };
}
