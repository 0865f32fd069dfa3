import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "vite";

const ENTRY = fileURLToPath(new URL("../src/pwa/sw.ts", import.meta.url));

/** Fetched with their first use, and kept then: the readers of documents, formulas, code and diagrams. */
const LATER = /^assets\/(?:pdf|diagram|formulas|highlight|katex)/;

/** Builds `sw.js`, which knows the files of this very build. */
export function serviceWorker(): Plugin {
  return {
    name: "huiyan-service-worker",
    apply: "build",
    enforce: "post",
    async generateBundle(_options, bundle) {
      const files = Object.keys(bundle)
        .filter((name) => /^assets\/[^/]+\.(?:js|css)$/.test(name) && !LATER.test(name))
        .sort();
      // Of the names, which change with the contents, and of the page itself.
      const hash = createHash("sha256").update(Object.keys(bundle).sort().join("\n"));
      const page = bundle["index.html"];
      if (page?.type === "asset") hash.update(page.source);
      const result = await build({
        configFile: false,
        logLevel: "warn",
        publicDir: false,
        define: {
          __HUIYAN_FILES__: JSON.stringify(["./", "./boot.js", "./favicon.svg", ...files.map((name) => `./${name}`)]),
          __HUIYAN_BUILD__: JSON.stringify(hash.digest("hex").slice(0, 16)),
        },
        build: {
          write: false,
          target: ["chrome109", "firefox115", "safari16.4"],
          rollupOptions: { input: ENTRY, output: { format: "iife", entryFileNames: "sw.js" } },
        },
      });
      for (const output of Array.isArray(result) ? result : [result]) {
        if (!("output" in output)) continue;
        for (const file of output.output) {
          if (file.type === "chunk") this.emitFile({ type: "asset", fileName: "sw.js", source: file.code });
        }
      }
    },
  };
}
