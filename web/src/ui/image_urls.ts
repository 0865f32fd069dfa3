import type { Database } from "../store/db.ts";
import { loadImage } from "../store/images.ts";

/** Object URLs for stored pictures. A thumbnail's stays for as long as the page; an original's is given back. */
export class ImageUrls {
  readonly #db: Database;
  readonly #thumbs = new Map<string, Promise<string | null>>();

  constructor(db: Database) {
    this.#db = db;
  }

  /** URL of the thumbnail (or of the picture, where there is none); null: the picture is gone. */
  thumb(sha256: string): Promise<string | null> {
    let url = this.#thumbs.get(sha256);
    if (!url) {
      url = loadImage(this.#db, sha256).then((image) => image && URL.createObjectURL(image.thumb ?? image.blob));
      this.#thumbs.set(sha256, url);
      // Not there yet, or an error: the next one who asks looks again.
      url.then(
        (found) => found ?? this.#thumbs.delete(sha256),
        () => this.#thumbs.delete(sha256),
      );
    }
    return url;
  }

  /** URL of the original. The caller revokes it with `release`. */
  async original(sha256: string): Promise<string | null> {
    const image = await loadImage(this.#db, sha256);
    return image && URL.createObjectURL(image.blob);
  }

  release(url: string): void {
    URL.revokeObjectURL(url);
  }
}
