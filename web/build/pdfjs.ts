import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Plugin } from "vite";

/**
 * What pdf.js fetches by name: character maps for documents that do not bring their fonts (many Chinese
 * ones), the two symbol fonts that no system has (all others are the system's), a colour profile, and
 * decoders that need no WebAssembly, which the content security policy forbids. Licences included.
 */
const FILES: Record<string, RegExp> = {
  cmaps: /./,
  standard_fonts: /^(?:FoxitSymbol|FoxitDingbats|LICENSE_FOXIT)/,
  iccs: /./,
  wasm: /_nowasm_fallback\.js$|^LICENSE_(?!.*(?:QCMS|QUICKJS))/,
};

/** Copies pdf.js's data to `assets/pdfjs-VERSION/`. */
export function pdfjsData(): Plugin {
  return {
    name: "huiyan-pdfjs-data",
    apply: "build",
    generateBundle() {
      const manifest = createRequire(import.meta.url).resolve("pdfjs-dist/package.json");
      const root = dirname(manifest);
      const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { version: string };
      for (const [directory, wanted] of Object.entries(FILES)) {
        for (const name of readdirSync(join(root, directory)).sort()) {
          if (!wanted.test(name)) continue;
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
