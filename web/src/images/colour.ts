/** Whether a picture's bytes mean what an engine takes them for: sRGB. */

const SCAN_BYTES = 256 * 1024;

const ascii = (bytes: Uint8Array, from: number, to: number) => String.fromCharCode(...bytes.subarray(from, to));

function find(bytes: Uint8Array, text: string, from = 0): number {
  const first = text.charCodeAt(0);
  const end = Math.min(bytes.length - text.length, SCAN_BYTES);
  for (let at = bytes.indexOf(first, from); at >= 0 && at <= end; at = bytes.indexOf(first, at + 1)) {
    if (ascii(bytes, at, at + text.length) === text) return at;
  }
  return -1;
}

/** A profile says its name as ASCII or as UTF-16; `c2ci` is the short sRGB that phones and web sites embed. */
function namesSrgb(profile: Uint8Array): boolean {
  let text = "";
  for (const byte of profile) if (byte >= 0x20 && byte < 0x7f) text += String.fromCharCode(byte);
  return /sRGB|IEC ?61966|uRGB|c2ci/i.test(text);
}

/**
 * True for a picture with a colour profile other than sRGB: engines ignore profiles, so that its colours
 * would be wrong there. Browsers convert it while decoding.
 */
export function hasOtherColours(bytes: Uint8Array, type: string): boolean {
  if (type === "image/jpeg") {
    const at = find(bytes, "ICC_PROFILE\0");
    return at >= 0 && !namesSrgb(bytes.subarray(at + 14, at + 14 + 4096));
  }
  if (type === "image/png") {
    const at = find(bytes, "iCCP", 8);
    // The profile itself is compressed; its name stands before it. PNGs of today say cICP or sRGB instead.
    return at >= 0 && !/srgb/i.test(ascii(bytes, at + 4, at + 84));
  }
  if (type === "image/webp") {
    const at = find(bytes.subarray(0, 8192), "ICCP", 12);
    return at >= 0 && !namesSrgb(bytes.subarray(at + 8, at + 8 + 4096));
  }
  return false;
}
