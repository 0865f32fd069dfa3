import type { Database } from "./db.ts";
import { hashesOf, type Draft, type DraftImage } from "./records.ts";

/** The draft of a conversation that does not exist yet. */
export const NEW_DRAFT = "new";

export const editDraftKey = (messageId: string) => `edit:${messageId}`;

/** Typing is on disk this soon after the last key. */
export const DRAFT_DELAY_MS = 150;

export async function loadDraft(db: Database, key: string): Promise<Draft | null> {
  return (await db.get("drafts", key)) ?? null;
}

export async function deleteDraft(db: Database, key: string): Promise<void> {
  await db.delete("drafts", key);
}

export async function saveDraft(db: Database, key: string, text: string, images: DraftImage[]): Promise<void> {
  const tx = db.transaction("drafts", "readwrite");
  const written =
    text === "" && images.length === 0
      ? tx.store.delete(key)
      : tx.store.put({ key, text, images, imageHashes: hashesOf(images), updatedMs: Date.now() });
  // Without waiting for the request's success: a page that is being closed never hears of it, and its
  // transactions that are not committed by then are rolled back.
  tx.commit();
  await Promise.all([written, tx.done]);
}

/** A picture was ready only after its draft had been left. */
export async function appendToDraft(db: Database, key: string, image: DraftImage): Promise<void> {
  const draft = await loadDraft(db, key);
  await saveDraft(db, key, draft?.text ?? "", [...(draft?.images ?? []), image]);
}

/** Saves the newest state of one draft at a time, soon after it changed, or at once with `flush`. */
export class DraftSaver {
  readonly #db: Database;
  readonly #onError: (cause: unknown) => void;
  #waiting: { key: string; text: string; images: DraftImage[] } | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #writing: Promise<void> = Promise.resolve();

  constructor(db: Database, onError: (cause: unknown) => void) {
    this.#db = db;
    this.#onError = onError;
  }

  /** A draft under another key that still waits is written first. */
  save(key: string, text: string, images: DraftImage[]): void {
    if (this.#waiting && this.#waiting.key !== key) void this.flush();
    this.#waiting = { key, text, images };
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.flush(), DRAFT_DELAY_MS);
  }

  /** Forget what waits to be written: the draft was sent. */
  drop(key: string): void {
    if (this.#waiting?.key === key) this.#waiting = null;
  }

  /** Write what waits, after what is being written. Never rejects. */
  flush(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const draft = this.#waiting;
    this.#waiting = null;
    if (draft) {
      // Started now and not when the last write ends: a page that is being closed gets no later turn.
      const write = saveDraft(this.#db, draft.key, draft.text, draft.images).catch(this.#onError);
      this.#writing = Promise.all([this.#writing, write]).then(() => undefined);
    }
    return this.#writing;
  }
}
