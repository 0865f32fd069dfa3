/** What a file is by its first bytes, and how many pixels its header announces. */
export interface Sniffed {
  /** Media type, or null for a file of no known kind. */
  type: string | null;
  width: number | null;
  height: number | null;
}

const ascii = (bytes: Uint8Array, from: number, length: number) =>
  String.fromCharCode(...bytes.subarray(from, from + length));

const startsWith = (bytes: Uint8Array, prefix: readonly number[]) =>
  prefix.every((byte, index) => bytes[index] === byte);

const sized = (type: string, width: number, height: number): Sniffed => ({ type, width, height });
const unsized = (type: string | null): Sniffed => ({ type, width: null, height: null });

const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** Both byte orders, and each for BigTIFF, too. */
const TIFF = [
  [0x49, 0x49, 0x2a, 0],
  [0x4d, 0x4d, 0, 0x2a],
  [0x49, 0x49, 0x2b, 0],
  [0x4d, 0x4d, 0, 0x2b],
];
const SVG_SCAN_BYTES = 1024;

/** Markers without a length field: TEM, RST0-7, SOI. */
const isBareMarker = (marker: number) => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);

/** Start of frame: 0xC0-0xCF without DHT (C4), JPG (C8) and DAC (CC). */
const isFrameMarker = (marker: number) =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;

function jpeg(view: DataView): Sniffed {
  let at = 2;
  while (at + 9 < view.byteLength && view.getUint8(at) === 0xff) {
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) at += 1; // fill byte
    else if (isBareMarker(marker)) at += 2;
    else if (isFrameMarker(marker)) return sized("image/jpeg", view.getUint16(at + 7), view.getUint16(at + 5));
    else at += 2 + view.getUint16(at + 2);
  }
  return unsized("image/jpeg");
}

function webp(bytes: Uint8Array, view: DataView): Sniffed {
  if (bytes.length < 30) return unsized("image/webp");
  const uint24 = (at: number) => view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
  switch (ascii(bytes, 12, 4)) {
    case "VP8X":
      return sized("image/webp", uint24(24) + 1, uint24(27) + 1);
    case "VP8L": {
      const bits = view.getUint32(21, true);
      return sized("image/webp", (bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1);
    }
    case "VP8 ":
      return sized("image/webp", view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff);
    default:
      return unsized("image/webp");
  }
}

/** ISO base media: `ispe` boxes (ISO/IEC 23008-12) tell sizes of the picture and its tiles; the largest counts. */
function isoMedia(bytes: Uint8Array, view: DataView): Sniffed {
  const brands = ascii(bytes, 8, Math.min(56, bytes.length - 8));
  const type = /avi[fs]/.test(brands) ? "image/avif" : /hei[cxms]|hev[cx]|mif1|msf1/.test(brands) ? "image/heic" : null;
  if (type === null) return unsized(/qt {2}|mp4|isom|M4V/.test(brands) ? "video/mp4" : null);
  let width = 0;
  let height = 0;
  const end = Math.min(bytes.length - 16, 64 * 1024);
  for (let at = 8; at < end; at++) {
    if (bytes[at] !== 0x69 || ascii(bytes, at, 4) !== "ispe") continue;
    width = Math.max(width, view.getUint32(at + 8));
    height = Math.max(height, view.getUint32(at + 12));
  }
  return width > 0 ? sized(type, width, height) : unsized(type);
}

/** Look at the start of a file; never decodes, so that a small file with a billion pixels costs nothing. */
export function sniff(bytes: Uint8Array): Sniffed {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12) return unsized(null);
  if (startsWith(bytes, PNG)) {
    return bytes.length >= 24 ? sized("image/png", view.getUint32(16), view.getUint32(20)) : unsized("image/png");
  }
  if (startsWith(bytes, [0xff, 0xd8, 0xff])) return jpeg(view);
  if (ascii(bytes, 0, 4) === "GIF8") return sized("image/gif", view.getUint16(6, true), view.getUint16(8, true));
  if (ascii(bytes, 0, 4) === "RIFF" && ascii(bytes, 8, 4) === "WEBP") return webp(bytes, view);
  if (ascii(bytes, 0, 2) === "BM" && bytes.length >= 26) {
    return sized("image/bmp", Math.abs(view.getInt32(18, true)), Math.abs(view.getInt32(22, true)));
  }
  if (ascii(bytes, 4, 4) === "ftyp") return isoMedia(bytes, view);
  if (TIFF.some((prefix) => startsWith(bytes, prefix))) return unsized("image/tiff");
  if (ascii(bytes, 0, 5) === "%PDF-") return unsized("application/pdf");
  const start = new TextDecoder().decode(bytes.subarray(0, SVG_SCAN_BYTES)).trimStart();
  return unsized(/^(<\?xml|<!--|<!doctype svg|<svg)/i.test(start) && /<svg[\s>]/i.test(start) ? "image/svg+xml" : null);
}
