/**
 * Draws Mermaid diagrams. Runs in a hidden frame of its own, so that what it does to make Mermaid work
 * under the page's content security policy (no inline styles) touches nothing else, and hands back text:
 * the page shows it as a picture.
 */
import { styleRules } from "./diagram_styles.ts"; // before Mermaid, which keeps what it finds
import mermaid from "mermaid";

const MAX_CHARS = 20_000;
const MAX_EDGES = 300;

/** An SVG file: with its rules, its styles, and the size that it has. */
function asFile(svg: string): string {
  const [, , width = "", height = ""] = /viewBox="([-\d.e]+) ([-\d.e]+) ([\d.e]+) ([\d.e]+)"/.exec(svg)?.slice(1) ?? [];
  const root = /^<svg[^>]*>/.exec(svg)?.[0];
  if (!root || !width || !height) throw new Error("no drawing came out");
  const sized = root
    .replaceAll(/ (?:width|height|data-style)="[^"]*"/g, "")
    .replace(/>$/, ` width="${Math.ceil(Number(width))}" height="${Math.ceil(Number(height))}">`);
  const style = `<style>${styleRules().replaceAll("<", "&lt;")}</style>`;
  return sized + style + svg.slice(root.length).replaceAll(' data-style="', ' style="');
}

let count = 0;

window.drawDiagram = async (source, dark) => {
  if (source.length > MAX_CHARS) throw new Error("the diagram is too long");
  mermaid.initialize({
    startOnLoad: false,
    securityLevel: "strict",
    suppressErrorRendering: true,
    theme: dark ? "dark" : "default",
    fontFamily: "system-ui, sans-serif",
    layout: "dagre", // see no_elk.ts
    htmlLabels: false,
    flowchart: { htmlLabels: false },
    maxTextSize: MAX_CHARS,
    maxEdges: MAX_EDGES,
    // What the text of a diagram may not change.
    secure: [
      ...["secure", "securityLevel", "startOnLoad", "maxTextSize", "maxEdges", "layout"],
      ...["htmlLabels", "themeCSS", "fontFamily"],
    ],
  });
  const { svg } = await mermaid.render(`diagram-${++count}`, source);
  return asFile(svg.trim());
};
