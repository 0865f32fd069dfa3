import { deflateSync } from "node:zlib";
import type { Plugin } from "vite";
import { crc32 } from "../src/files/zip.ts";

/** The eye of `public/favicon.svg` as PNG, for systems that take no SVG as an app's icon. */

const ACCENT = [0x0f, 0x76, 0x6e] as const;
const WHITE = 255;
/** Samples in each direction within a pixel. */
const SAMPLES = 4;

/** Whether a point is white: within the eye, which two arcs enclose, but not in its pupil. The icon's width is 1. */
function isWhite(x: number, y: number): boolean {
  const halfWidth = 11 / 32;
  const lift = 7.5 / 32;
  const radius = (halfWidth ** 2 + lift ** 2) / (2 * lift);
  const centre = radius - lift;
  const dx = x - 0.5;
  const dy = y - 0.5;
  const eye = Math.max(Math.hypot(dx, dy - centre), Math.hypot(dx, dy + centre)) < radius;
  const pupil = Math.hypot(dx, dy) < 4.6 / 32;
  const light = Math.hypot(x - 17.8 / 32, y - 14.2 / 32) < 1.5 / 32;
  return eye && (!pupil || light);
}

/** Inside a square with rounded corners; `corner` 0: all of it. */
function isGround(x: number, y: number, corner: number): boolean {
  const dx = Math.max(corner - x, x - (1 - corner), 0);
  const dy = Math.max(corner - y, y - (1 - corner), 0);
  return Math.hypot(dx, dy) <= corner;
}

/** uint8[height, width, 4], as PNG wants it: each row with its filter byte. */
function pixels(size: number, corner: number, shrink: number): Uint8Array {
  const rows = new Uint8Array(size * (1 + size * 4));
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      let ground = 0;
      let drawn = 0;
      for (let sample = 0; sample < SAMPLES * SAMPLES; sample++) {
        const x = (column + ((sample % SAMPLES) + 0.5) / SAMPLES) / size;
        const y = (row + (Math.floor(sample / SAMPLES) + 0.5) / SAMPLES) / size;
        if (!isGround(x, y, corner)) continue;
        ground += 1;
        if (isWhite((x - 0.5) / shrink + 0.5, (y - 0.5) / shrink + 0.5)) drawn += 1;
      }
      const share = ground === 0 ? 0 : drawn / ground;
      const at = row * (1 + size * 4) + 1 + column * 4;
      for (const [channel, value] of ACCENT.entries()) rows[at + channel] = Math.round(value + (WHITE - value) * share);
      rows[at + 3] = Math.round((255 * ground) / (SAMPLES * SAMPLES));
    }
  }
  return rows;
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(new TextEncoder().encode(type), 4);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

/**
 * A PNG of the icon, the same bytes each time.
 *
 * corner: radius of the ground's corners, as a share of its width. shrink: of the eye; a maskable icon may
 * lose its outer fifth. Source: PNG specification, third edition.
 */
export function icon(size: number, corner: number, shrink: number): Uint8Array {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, size);
  view.setUint32(4, size);
  header.set([8, 6, 0, 0, 0], 8); // 8 bits, RGBA
  const parts = [
    Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(pixels(size, corner, shrink), { level: 9 })),
    chunk("IEND", new Uint8Array(0)),
  ];
  return Buffer.concat(parts);
}

/** Writes `icons/*.png`, which `public/manifest.webmanifest` names. */
export function icons(): Plugin {
  return {
    name: "huiyan-icons",
    apply: "build",
    generateBundle() {
      const emit = (fileName: string, source: Uint8Array) => this.emitFile({ type: "asset", fileName, source });
      emit("icons/icon-192.png", icon(192, 0.25, 1));
      emit("icons/icon-512.png", icon(512, 0.25, 1));
      emit("icons/maskable-512.png", icon(512, 0, 0.8));
      emit("icons/apple-touch-180.png", icon(180, 0, 0.9));
    },
  };
}
