import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { extname, join, resolve } from "node:path";
import { constants, gzipSync } from "node:zlib";
import type { Plugin } from "vite";

const TEXT = new Set([".html", ".js", ".mjs", ".css", ".svg", ".json", ".webmanifest", ".txt"]);

/** Below this a response fits one packet either way. */
const MIN_BYTES = 1024;

function filesBelow(directory: string): string[] {
  return readdirSync(directory)
    .sort()
    .flatMap((name) => {
      const path = join(directory, name);
      return statSync(path).isDirectory() ? filesBelow(path) : [path];
    });
}

/** gzip with neither time nor operating system in its header: the same input gives the same bytes. */
export function gzipReproducibly(bytes: Uint8Array): Uint8Array {
  const packed = gzipSync(bytes, { level: constants.Z_BEST_COMPRESSION });
  packed.fill(0, 4, 8); // MTIME
  packed[9] = 255; // OS: unknown
  return packed;
}

/** Writes `name.gz` beside each text file of the build, for the gateway to send as it is. */
export function precompress(): Plugin {
  let directory = "";
  return {
    name: "huiyan-precompress",
    apply: "build",
    configResolved(config) {
      directory = resolve(config.root, config.build.outDir);
    },
    closeBundle(failure?: Error) {
      if (failure) return; // there may be nothing to compress, and the failure is what has to be read
      for (const path of filesBelow(directory)) {
        if (!TEXT.has(extname(path))) continue;
        const bytes = readFileSync(path);
        if (bytes.length >= MIN_BYTES) writeFileSync(`${path}.gz`, gzipReproducibly(bytes));
      }
    },
  };
}
