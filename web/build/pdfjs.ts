import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Plugin } from "vite";

/**
 * What pdf.js fetches by name: character maps and fonts of documents that do not bring their own (many
 * Chinese ones), and decoders that need no WebAssembly, which the content security policy forbids.
 */
const DIRECTORIES = ["cmaps", "standard_fonts", "iccs", "wasm"];
const WITHOUT_WASM = /^(?!.*\.wasm$)(?!quickjs)(?!LICENSE.*QUICKJS)/;

/** Copies pdf.js's data to `assets/pdfjs-VERSION/`, licences included. */
export function pdfjsData(): Plugin {
  return {
    name: "huiyan-pdfjs-data",
    apply: "build",
    generateBundle() {
      const manifest = createRequire(import.meta.url).resolve("pdfjs-dist/package.json");
      const root = dirname(manifest);
      const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { version: string };
      for (const directory of DIRECTORIES) {
        for (const name of readdirSync(join(root, directory)).sort()) {
          if (!WITHOUT_WASM.test(name)) continue;
          this.emitFile({
            type: "asset",
            fileName: `assets/pdfjs-${version}/${directory}/${name}`,
            source: readFileSync(join(root, directory, name)),
          });
        }
      }
    },
  };
}
