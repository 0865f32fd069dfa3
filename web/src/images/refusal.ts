/** Why a file is not taken. The page has a sentence, and the remedy, for each. */
export type RefusalReason =
  | "empty"
  | "bytes"
  | "pixels"
  | "not_image"
  | "heic"
  | "tiff"
  | "svg"
  | "pdf"
  | "video"
  | "unreadable";

export class ImageRefused extends Error {
  override readonly name = "ImageRefused";
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason, cause?: unknown) {
    super(`picture refused: ${reason}`, { cause });
    this.reason = reason;
  }
}
