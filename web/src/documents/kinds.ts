/** Files that become pictures: which they are, and why one cannot be opened. */

export type DocumentKind = "pdf" | "video";

const VIDEO_NAME = /\.(mp4|m4v|mov|webm|mkv|avi|ogv)$/i;

/** By the name and type that the system gives; what is really in it shows when it is opened. */
export function documentKind(file: File): DocumentKind | null {
  if (file.type === "application/pdf" || /\.pdf$/i.test(file.name)) return "pdf";
  if (file.type.startsWith("video/") || VIDEO_NAME.test(file.name)) return "video";
  return null;
}

export type DocumentProblem = "password" | "broken" | "codec" | "size" | "unsupported";

export class DocumentRefused extends Error {
  override readonly name = "DocumentRefused";
  readonly problem: DocumentProblem;

  constructor(problem: DocumentProblem, cause?: unknown) {
    super(`document refused: ${problem}`, { cause });
    this.problem = problem;
  }
}
