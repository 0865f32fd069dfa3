import type { RichTexts } from "./enrich.ts";
import frameUrl from "./diagram_frame.ts?worker&url";
import "./diagram.css";

type Draw = (source: string, dark: boolean) => Promise<string>;

declare global {
  interface Window {
    /** Of the hidden frame: set by `diagram_frame.ts`. */
    drawDiagram?: Draw;
  }
}

const LOAD_TIMEOUT_MS = 20_000;

let drawing: Promise<Draw> | null = null;
/** One at a time: Mermaid keeps its state between calls. */
let queue: Promise<unknown> = Promise.resolve();

/** The hidden frame in which diagrams are laid out; its scripts come from our own host. */
async function openFrame(): Promise<Draw> {
  const frame = document.createElement("iframe");
  frame.className = "diagram-frame";
  frame.tabIndex = -1;
  frame.inert = true;
  frame.setAttribute("aria-hidden", "true");
  document.body.append(frame);
  const view = frame.contentWindow;
  const inside = frame.contentDocument;
  if (!view || !inside) throw new Error("no frame");
  try {
    await new Promise((resolve, reject) => {
      const script = inside.createElement("script");
      script.type = "module";
      script.src = frameUrl;
      script.onload = resolve;
      script.onerror = reject;
      setTimeout(reject, LOAD_TIMEOUT_MS, new Error("the drawing code did not come"));
      inside.head.append(script);
    });
    if (!view.drawDiagram) throw new Error("the drawing code did not start");
  } catch (cause) {
    frame.remove();
    throw cause;
  }
  return view.drawDiagram;
}

async function draw(source: string, dark: boolean): Promise<string> {
  drawing ??= openFrame().catch((cause: unknown) => {
    drawing = null; // the next diagram asks again
    throw cause;
  });
  const run = drawing;
  const done = queue.then(async () => (await run)(source, dark));
  queue = done.catch(() => undefined);
  return done;
}

/**
 * Put the picture of a diagram before its source, which folds away. As a picture it can neither run nor
 * load anything. A diagram that cannot be drawn stays readable source.
 */
export async function showDiagram(code: HTMLElement, texts: RichTexts): Promise<void> {
  const scroll = code.closest<HTMLElement>(".md-scroll");
  if (!scroll || scroll.dataset["diagram"] !== undefined) return;
  scroll.dataset["diagram"] = "";
  const dark = document.documentElement.dataset["theme"] === "dark";
  const svg = await draw(code.textContent, dark);
  if (!scroll.isConnected) return;

  const url = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  const image = document.createElement("img");
  image.alt = texts.diagram;
  image.src = url;
  await image.decode().finally(() => {
    URL.revokeObjectURL(url); // decoded pictures stay
  });
  const picture = document.createElement("div");
  picture.className = dark ? "md-diagram dark" : "md-diagram";
  picture.tabIndex = 0;
  picture.append(image);
  const source = document.createElement("details");
  source.className = "md-source";
  const summary = document.createElement("summary");
  summary.textContent = texts.source;
  scroll.replaceWith(picture, source);
  source.append(summary, scroll);
}
