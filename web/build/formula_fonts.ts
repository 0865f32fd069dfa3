import type { Plugin } from "vite";

/** Every browser that the page is built for reads WOFF2: KaTeX's other two copies of its fonts stay out. */
export function formulaFonts(): Plugin {
  return {
    name: "huiyan-formula-fonts",
    enforce: "pre",
    transform(code, id) {
      if (!/katex(?:\.min)?\.css$/.test(id)) return null;
      return code.replace(/,\s*url\([^)]*\.(?:woff|ttf)\)\s*format\(["'][^"']*["']\)/g, "");
    },
  };
}
