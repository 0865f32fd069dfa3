import { getDocument, GlobalWorkerOptions, PasswordException, version, type PDFDocumentProxy } from "pdfjs-dist";
import rendererUrl from "pdfjs-dist/build/pdf.renderer.min.mjs?url";
import workerUrl from "pdfjs-dist/build/pdf.worker.min.mjs?url";
import { modelSize, PIXELS_PER_TOKEN, type VisionBudget } from "../images/plan.ts";
import { DocumentRefused } from "./kinds.ts";

GlobalWorkerOptions.workerSrc = workerUrl;
GlobalWorkerOptions.rendererSrc = rendererUrl; // drawn in a worker too, where the browser can

/** Beside this file in the build (build/pdfjs.ts). */
const DATA = import.meta.env.DEV ? "/node_modules/pdfjs-dist/" : `./pdfjs-${version}/`;
const data = (directory: string) => new URL(`${DATA}${directory}/`, import.meta.url).href;

const MAX_BYTES = 512 * 1024 * 1024;
/** About 165 dots per inch of a page of A4: small print is legible, and nine pages still fit a context. */
const MAX_PAGE_PIXELS = 2560 * PIXELS_PER_TOKEN;
const THUMB_PX = 220;
const THUMB_QUALITY = 0.85;

/** An open document. `close` gives its memory back. */
export class PdfDocument {
  readonly #document: PDFDocumentProxy;

  constructor(document: PDFDocumentProxy) {
    this.#document = document;
  }

  get pages(): number {
    return this.#document.numPages;
  }

  close(): void {
    void this.#document.loadingTask.destroy();
  }

  /** In the proportions of the page; as many pixels as the model can use. */
  async size(page: number, budget: VisionBudget): Promise<{ width: number; height: number }> {
    const { width, height } = (await this.#document.getPage(page)).getViewport({ scale: 1 });
    const most = Math.min(MAX_PAGE_PIXELS, budget.maxTokens * PIXELS_PER_TOKEN);
    const scale = Math.sqrt(most / (width * height));
    return modelSize(
      { width: Math.floor(width * scale), height: Math.floor(height * scale) },
      { minTokens: 1, maxTokens: Math.floor(most / PIXELS_PER_TOKEN) },
    );
  }

  async picture(page: number, budget: VisionBudget): Promise<Blob> {
    const { width, height } = await this.size(page, budget);
    return this.#draw(page, Math.max(width, height), "image/png");
  }

  async thumbnail(page: number): Promise<Blob> {
    return this.#draw(page, THUMB_PX, "image/webp", THUMB_QUALITY);
  }

  async #draw(number: number, longerSide: number, type: string, quality?: number): Promise<Blob> {
    const page = await this.#document.getPage(number);
    const natural = page.getViewport({ scale: 1 });
    const viewport = page.getViewport({ scale: longerSide / Math.max(natural.width, natural.height) });
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(viewport.width));
    canvas.height = Math.max(1, Math.round(viewport.height));
    await page.render({ canvas, viewport, background: "#ffffff" }).promise;
    return new Promise((resolve, reject) => {
      canvas.toBlob(
        (blob) => {
          canvas.width = canvas.height = 0;
          if (blob) resolve(blob);
          else reject(new Error("the page cannot be drawn"));
        },
        type,
        quality,
      );
    });
  }

  /** The text of a page, line by line; "" for a page that is a picture. */
  async text(page: number): Promise<string> {
    const content = await (await this.#document.getPage(page)).getTextContent();
    let text = "";
    for (const item of content.items) if ("str" in item) text += item.str + (item.hasEOL ? "\n" : "");
    return text
      .split("\n")
      .map((line) => line.trimEnd())
      .join("\n")
      .replace(/\n{3,}/g, "\n\n")
      .trim();
  }
}

/** Throws: DocumentRefused. */
export async function openPdf(file: File): Promise<PdfDocument> {
  if (file.size > MAX_BYTES) throw new DocumentRefused("size");
  const task = getDocument({
    data: new Uint8Array(await file.arrayBuffer()),
    cMapUrl: data("cmaps"),
    standardFontDataUrl: data("standard_fonts"),
    iccUrl: data("iccs"),
    wasmUrl: data("wasm"),
    useWasm: false,
    enableXfa: false,
    stopAtErrors: false,
    verbosity: 0,
  });
  try {
    return new PdfDocument(await task.promise);
  } catch (cause) {
    void task.destroy();
    throw new DocumentRefused(cause instanceof PasswordException ? "password" : "broken", cause);
  }
}
