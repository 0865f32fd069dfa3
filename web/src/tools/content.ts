import type { FileContent } from "./types.ts";

/** Kinds that a browser shows without running anything in them; an SVG is for saving only. */
const SHOWN = ["image/png", "image/jpeg", "image/webp", "image/gif"];

export const isPicture = (file: FileContent) => SHOWN.includes(file.media_type);

/** The bytes of a file that a tool made. */
export function blobOf(file: FileContent): Blob {
  const type = isPicture(file) ? file.media_type : "application/octet-stream";
  return new Blob([Uint8Array.from(atob(file.data), (char) => char.charCodeAt(0))], { type });
}
