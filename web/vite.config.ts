import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";
import { formulaFonts } from "./build/formula_fonts.ts";
import { icons } from "./build/icons.ts";
import { pdfjsData } from "./build/pdfjs.ts";
import { precompress } from "./build/precompress.ts";
import { serviceWorker } from "./build/service_worker.ts";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** Where `npm run dev` finds a gateway. */
const GATEWAY = process.env["HUIYAN_DEV_GATEWAY"] ?? "http://127.0.0.1:8000";

export default defineConfig({
  base: "./", // the page also works below a sub-path of a reverse proxy
  plugins: [svelte(), formulaFonts(), pdfjsData(), icons(), serviceWorker(), precompress()],
  resolve: {
    // Together 25 KB of gzipped tables and code, of which every browser has most already.
    alias: {
      entities: path("./src/markdown/slim/entities.ts"),
      "linkify-it": path("./src/markdown/slim/linkify_it.ts"),
      "punycode.js": path("./src/markdown/slim/punycode.ts"),
      "uc.micro": path("./src/markdown/slim/uc_micro.ts"),
      "elkjs/lib/elk.bundled.js": path("./src/markdown/rich/no_elk.ts"),
    },
  },
  build: {
    outDir: path("../src/huiyan/static"),
    emptyOutDir: true,
    // Chrome 109 is the last for Windows 7 and 8, which shops still use.
    target: ["chrome109", "firefox115", "safari16.4"],
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0, // the content security policy allows data: for pictures only
    reportCompressedSize: false,
  },
  worker: {
    format: "es",
    // Only the diagrams' code comes in pieces: fifty of them, of which a diagram needs a few.
    rollupOptions: { output: { chunkFileNames: "assets/diagrams/[name]-[hash].js" } },
  },
  server: {
    proxy: Object.fromEntries(["/v1", "/api", "/health"].map((route) => [route, { target: GATEWAY }])),
  },
});
