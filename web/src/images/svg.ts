/** SVG drawings as pixels. Only ever shown as `<img>`: there browsers run no script and load nothing. */

/** A drawing that needs more is a map or an attack. */
const MAX_SVG_BYTES = 8 * 1024 * 1024;

/** Longer side of the picture; drawings are sharp at any size, and small print in them is to be read. */
const RASTER_PX = 2048;
const DEFAULT_PX = 512;
const DECODE_TIMEOUT_MS = 10_000;

/** CSS pixels of an SVG length; null for what depends on a page (percent, em). */
function pixels(length: string | null): number | null {
  const match = /^\s*(\d*\.?\d+(?:e[+-]?\d+)?)\s*(px|pt|pc|mm|cm|in)?\s*$/i.exec(length ?? "");
  if (!match) return null;
  const unit = { px: 1, pt: 4 / 3, pc: 16, mm: 96 / 25.4, cm: 96 / 2.54, in: 96 }[(match[2] ?? "px").toLowerCase()] ?? 1;
  const value = Number(match[1]) * unit;
  return value > 0 && Number.isFinite(value) ? value : null;
}

/** Where the drawing's root tag lies in its source. Comments, declarations and instructions come before it. */
const ROOT = /^(?:\s|<\?[^>]*\?>|<!--(?:(?!-->)[\s\S])*-->|<!DOCTYPE[^[>]*(?:\[[^\]]*\]\s*)?>)*(<(?:[\w-]+:)?svg\b(?:[^>"']|"[^"]*"|'[^']*')*?)(\/?>)/i;

/**
 * The drawing with a size of its own: its shape, RASTER_PX on its longer side. Done on the text: the
 * page's content security policy would take the styles out of a parsed one.
 *
 * Throws on what does not begin as an SVG.
 */
export function withSize(source: string): { source: string; width: number; height: number } {
  const match = ROOT.exec(source);
  const [, tag = "", end = ""] = match ?? [];
  if (!match) throw new Error("no SVG");
  const attribute = (name: string) => new RegExp(`\\s${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)')`).exec(tag);
  const value = (name: string) => attribute(name)?.slice(1).find((each) => each !== undefined) ?? null;
  const [, , boxWidth = NaN, boxHeight = NaN] = (value("viewBox") ?? "").trim().split(/[\s,]+/).map(Number);
  const ownWidth = pixels(value("width")) ?? (boxWidth > 0 ? boxWidth : DEFAULT_PX);
  const ownHeight = pixels(value("height")) ?? (boxHeight > 0 ? boxHeight : DEFAULT_PX);
  const scale = RASTER_PX / Math.max(ownWidth, ownHeight);
  const width = Math.max(1, Math.round(ownWidth * scale));
  const height = Math.max(1, Math.round(ownHeight * scale));
  let root = tag;
  for (const name of ["width", "height"]) root = root.replace(attribute(name)?.[0] ?? "\0", "");
  const box = attribute("viewBox") ? "" : ` viewBox="0 0 ${ownWidth} ${ownHeight}"`;
  const start = match.index + match[0].length - tag.length - end.length;
  const sized = `${root}${box} width="${width}" height="${height}"${end}`;
  return { source: source.slice(0, start) + sized + source.slice(match[0].length), width, height };
}

/**
 * A PNG of the drawing, on white. Runs on the page: workers cannot decode SVG.
 *
 * Throws where the bytes are no SVG, too many, or not drawable.
 */
export async function rasterize(bytes: Uint8Array<ArrayBuffer>): Promise<Blob> {
  if (bytes.length > MAX_SVG_BYTES) throw new Error("the drawing is too large");
  const { source, width, height } = withSize(new TextDecoder().decode(bytes));
  // Not a blob's URL: Chromium lets no picture be read back that has HTML in it, unless it is inline.
  const url = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(source)}`;
  const image = new Image(width, height);
  image.src = url;
  await Promise.race([
    image.decode(),
    new Promise((_, reject) => setTimeout(reject, DECODE_TIMEOUT_MS, new Error("the drawing takes too long"))),
  ]);
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  if (!context) throw new Error("no canvas");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.drawImage(image, 0, 0, width, height);
  return await new Promise((resolve, reject) => {
    canvas.toBlob((blob) => {
      if (blob) resolve(blob);
      else reject(new Error("the drawing cannot be read back"));
    }, "image/png");
  });
}
