import type { App } from "../app.svelte.ts";
import { documentKind, DocumentRefused } from "./kinds.ts";
import type { PdfDocument } from "./pdf.ts";
import type { Video } from "./video.ts";

/** A document that takes longer to open is announced. */
const SAY_AFTER_MS = 600;

export type OpenDocument =
  | { kind: "pdf"; file: File; pdf: PdfDocument }
  | { kind: "video"; file: File; video: Video };

/** Documents and videos that were given, opened one after the other. */
export class Documents {
  readonly #app: App;
  /** What the reader is asked about: which pages, how many frames. */
  current = $state.raw<OpenDocument | null>(null);
  /** Name of what is being opened. */
  opening = $state<string | null>(null);
  #waiting: File[] = [];

  constructor(app: App) {
    this.#app = app;
  }

  /** Take those of `files` that become pictures first. Returns the others. */
  take<T extends File | object>(files: readonly T[]): T[] {
    const others: T[] = [];
    for (const file of files) {
      if (file instanceof File && documentKind(file)) this.#waiting.push(file);
      else others.push(file);
    }
    void this.#next();
    return others;
  }

  /** The reader is done with the one that is open. */
  close(): void {
    const { current } = this;
    this.current = null;
    if (current?.kind === "pdf") current.pdf.close();
    else current?.video.close();
    void this.#next();
  }

  async #next(): Promise<void> {
    if (this.current || this.opening !== null) return;
    const file = this.#waiting.shift();
    if (!file) return;
    const { i18n, notices } = this.#app;
    this.opening = file.name;
    let said: number | null = null;
    const slow = setTimeout(() => {
      said = notices.info(i18n.t("document.opening", { name: file.name }));
    }, SAY_AFTER_MS);
    const texts = i18n.loadLate().catch(() => undefined); // without them, the dialog is at least there
    try {
      const opened = await open(file);
      await texts;
      this.current = opened;
    } catch (cause) {
      const problem = cause instanceof DocumentRefused ? cause.problem : "unsupported";
      await texts;
      notices.problem(i18n.t(`document.${problem}`, { name: file.name }));
      this.#app.reportProblem(cause);
    } finally {
      clearTimeout(slow);
      if (said !== null) notices.dismiss(said);
      this.opening = null;
    }
    if (!this.current) void this.#next();
  }
}

/** The readers are large and fetched with their first use. Throws: DocumentRefused; others if they cannot be had. */
async function open(file: File): Promise<OpenDocument> {
  if (documentKind(file) === "pdf") {
    const { openPdf } = await import("./pdf.ts");
    return { kind: "pdf", file, pdf: await openPdf(file) };
  }
  const { openVideo } = await import("./video.ts");
  return { kind: "video", file, video: await openVideo(file) };
}
