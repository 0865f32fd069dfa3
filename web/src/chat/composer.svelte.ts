import type { Derived, Wish } from "../images/derive.ts";
import { sentSize } from "../images/plan.ts";
import type { ImagePreparer } from "../images/preparer.ts";
import { ImageRefused, type RefusalReason } from "../images/refusal.ts";
import { storageError, type Database } from "../store/db.ts";
import { appendToDraft, deleteDraft, DraftSaver, editDraftKey, loadDraft, NEW_DRAFT } from "../store/drafts.ts";
import { newId } from "../store/ids.ts";
import { loadImage, saveImage } from "../store/images.ts";
import { sentHash, type DraftImage, type ImageOrigin, type Message, type SendMode, type SentImage } from "../store/records.ts";

/** A file that is being read; its place in the strip is kept. */
export interface PreparingImage {
  id: string;
  name: string;
  preparing: true;
}

export type StripItem = DraftImage | PreparingImage;

export const isPrepared = (item: StripItem): item is DraftImage => !("preparing" in item);

export type Refusal = { file: File; reason: RefusalReason | "storage" } | { files: File[]; reason: "full" };

export interface ComposerLimits {
  maxImages: number;
  maxImageBytes: number;
  maxImagePixels: number;
  /** How much of a picture is sent unless it says so itself; absent: all of it. */
  wish?: Wish;
}

/** What a send took along. */
export interface SentDraft {
  key: string;
  text: string;
  /** Of the pictures, in the strip. */
  ids: readonly string[];
}

/** A file, and where it comes from if it is a piece of something: a time in a video, a page of a document. */
export interface Piece {
  file: File;
  label?: string;
  mode?: SendMode;
  /** Cut out of another picture. */
  origin?: ImageOrigin;
}

/** What is being written: text and pictures, on disk shortly after each change. */
export class Composer {
  readonly #db: Database;
  readonly #preparer: ImagePreparer;
  readonly #saver: DraftSaver;
  readonly #onError: (cause: unknown) => void;
  /** Called with the hash of what will be sent of a picture in the strip, once that is on disk. */
  readonly #onReady: (sentSha256: string) => void;
  readonly limits: () => ComposerLimits;
  #text = $state("");
  items = $state.raw<readonly StripItem[]>([]);
  /** The question that is being changed, if it is one that was sent before. */
  editing = $state.raw<string | null>(null);
  /** Conversation id, or NEW_DRAFT. */
  #base = $state(NEW_DRAFT);
  readonly draftKey = $derived(this.editing === null ? this.#base : editDraftKey(this.editing));
  readonly images: readonly DraftImage[] = $derived(this.items.filter(isPrepared));
  #opened = false;
  /** Ids of pictures of which another version is being made. */
  #deriving = $state.raw<readonly string[]>([]);
  readonly preparing = $derived(this.#deriving.length > 0 || this.items.some((item) => !isPrepared(item)));
  readonly empty = $derived(this.#text.trim() === "" && this.items.length === 0);

  constructor(
    db: Database,
    preparer: ImagePreparer,
    limits: () => ComposerLimits,
    onStorageError: (cause: unknown) => void,
    onReady: (sentSha256: string) => void = () => undefined,
  ) {
    this.#db = db;
    this.#preparer = preparer;
    this.limits = limits;
    this.#onError = onStorageError;
    this.#onReady = onReady;
    this.#saver = new DraftSaver(db, onStorageError);
  }

  get text(): string {
    return this.#text;
  }
  set text(text: string) {
    this.#text = text;
    this.#changed();
  }

  /** Pictures beyond what the model takes: they were added before it had said so, or it is another one now. */
  get surplus(): number {
    return Math.max(0, this.items.length - this.limits().maxImages);
  }

  get room(): number {
    return Math.max(0, this.limits().maxImages - this.items.length);
  }

  /** Show the draft of a conversation (or of none yet). */
  async open(base: string): Promise<void> {
    void this.#saver.flush();
    const first = !this.#opened;
    this.#opened = true;
    this.#base = base;
    this.editing = null;
    // Whoever is quicker than the browser's storage has begun to type already.
    if (first && !this.empty) {
      await this.#putBefore(base);
      this.#changed();
    } else await this.#load(base);
  }

  /** Change a question that was sent: from what it was, or from the draft of an earlier try. */
  async edit(message: Message): Promise<void> {
    void this.#saver.flush();
    this.editing = message.id;
    const found = await this.#load(editDraftKey(message.id));
    if (found || this.editing !== message.id) return;
    this.items = message.images.map((image) => ({ ...image, id: newId() }));
    void this.refit();
    this.text = message.text;
  }

  /** Leave the question as it was and go back to the draft. */
  async cancelEdit(): Promise<void> {
    if (this.editing === null) return;
    const key = this.draftKey;
    this.#saver.drop(key);
    await deleteDraft(this.#db, key);
    await this.open(this.#base);
  }

  async #load(key: string): Promise<boolean> {
    this.#text = "";
    this.items = [];
    const draft = await loadDraft(this.#db, key);
    if (this.draftKey !== key || !this.empty) return draft !== null; // opened another one meanwhile, or typed
    if (draft) {
      this.#text = draft.text;
      this.items = draft.images;
      void this.refit();
    }
    return draft !== null;
  }

  /** What a send would take along now. */
  snapshot(): SentDraft {
    return { key: this.draftKey, text: this.#text, ids: this.items.map((item) => item.id) };
  }

  /**
   * `draft` was sent, and left the disk with that; what was written while that went on stays. `base`: the
   * conversation that goes on.
   */
  async sent(base: string, draft: SentDraft): Promise<void> {
    if (this.draftKey !== draft.key) return; // another one is shown by now
    const text = this.#text.startsWith(draft.text) ? this.#text.slice(draft.text.length) : this.#text;
    const items = this.items.filter((item) => !draft.ids.includes(item.id));
    const edited = this.editing !== null;
    this.#saver.drop(draft.key);
    this.#base = base;
    this.editing = null;
    this.#text = text;
    this.items = items;
    const written = this.#saver.flush(); // of the old draft, after the turn took it away
    if (edited) await this.#putBefore(base);
    if (this.#text !== "" || this.items.length > 0) this.#changed();
    await written;
    if (draft.key !== this.draftKey) await deleteDraft(this.#db, draft.key).catch(this.#onError);
  }

  /** Put what was being written before an edit before what was written since. */
  async #putBefore(key: string): Promise<void> {
    const draft = await loadDraft(this.#db, key).catch(() => null);
    if (!draft || this.draftKey !== key) return;
    this.#text = [draft.text, this.#text].filter(Boolean).join("\n");
    this.items = [...draft.images, ...this.items];
    void this.refit();
  }

  /** Let go of text and pictures: they are somewhere else now. */
  clear(): void {
    this.text = "";
    this.items = [];
    this.#changed();
  }

  /** Store a picture that does not go into the strip. Throws: ImageRefused, StorageError. */
  read(file: File): Promise<DraftImage> {
    return this.#read({ file }, newId());
  }

  /** Add pictures at the end, in their order. Returns what was not taken, and why. */
  async add(added: readonly (File | Piece)[]): Promise<Refusal[]> {
    const pieces = added.map((each): Piece => ("file" in each ? each : { file: each }));
    const files = pieces.map((piece) => piece.file);
    const taken = files.slice(0, this.room);
    const refusals: Refusal[] = [];
    if (taken.length < files.length) refusals.push({ files: files.slice(taken.length), reason: "full" });
    const key = this.draftKey;
    const places = taken.map((file): PreparingImage => ({ id: newId(), name: file.name, preparing: true }));
    this.items = [...this.items, ...places];
    await Promise.all(
      taken.map(async (file, index) => {
        const { id } = places[index] as PreparingImage;
        try {
          const image = await this.#read(pieces[index] as Piece, id);
          this.#replace(key, id, image);
          this.#onReady(sentHash(image));
        } catch (cause) {
          this.#replace(key, id, null);
          refusals.push({ file, reason: cause instanceof ImageRefused ? cause.reason : "storage" });
        }
      }),
    );
    return refusals;
  }

  async #read({ file, label, mode, origin }: Piece, id: string): Promise<DraftImage> {
    const { maxImageBytes: maxBytes, maxImagePixels: maxPixels, wish } = this.limits();
    if (file.size > maxBytes) throw new ImageRefused("bytes"); // before hundreds of megabytes are read
    let bytes: Uint8Array<ArrayBuffer>;
    try {
      bytes = new Uint8Array(await file.arrayBuffer());
    } catch (cause) {
      throw new ImageRefused("unreadable", cause);
    }
    const wanted = wish && mode ? { ...wish, mode } : wish;
    const prepared = await this.#preparer.prepare(bytes, { maxBytes, maxPixels }, wanted);
    const blob = new Blob([bytes], { type: prepared.type });
    try {
      await saveImage(this.#db, { sha256: prepared.sha256, blob, thumb: prepared.thumb, createdMs: Date.now() });
      const sent = await this.#saveSent(prepared.sent);
      const { sha256, type, sizeBytes, width, height } = prepared;
      const image = { id, name: file.name, sha256, type, sizeBytes, width, height };
      return { ...image, ...(sent ? { sent } : {}), ...(label === undefined ? {} : { label }), ...(origin ? { origin } : {}) };
    } catch (cause) {
      throw storageError(cause);
    }
  }

  /** Keep the bytes that will be sent: asked for again with the same key, a request has to be the same. */
  async #saveSent(derived: Derived | undefined): Promise<SentImage | undefined> {
    if (!derived) return undefined;
    const { blob, ...sent } = derived;
    if (blob) await saveImage(this.#db, { sha256: sent.sha256, blob, thumb: null, createdMs: Date.now() });
    return sent;
  }

  /** Send more or less of a picture. */
  async setMode(id: string, mode: SendMode): Promise<void> {
    const image = this.images.find((candidate) => candidate.id === id);
    const { wish } = this.limits();
    if (image && wish && image.sent?.mode !== mode) await this.#deriveAgain(image, { ...wish, mode });
  }

  /** The model that will look at the pictures is another one: what is sent of them has to suit it. */
  async refit(): Promise<void> {
    const { wish } = this.limits();
    if (!wish) return;
    for (const image of this.images) {
      const mode = image.sent?.mode ?? wish.mode;
      const { width, height } = sentSize(mode, image, wish.budget);
      if (image.sent?.width === width && image.sent.height === height) continue;
      if (!this.#deriving.includes(image.id)) await this.#deriveAgain(image, { ...wish, mode });
    }
  }

  async #deriveAgain(image: DraftImage, wish: Wish): Promise<void> {
    const { maxImageBytes: maxBytes, maxImagePixels: maxPixels } = this.limits();
    const key = this.draftKey;
    this.#deriving = [...this.#deriving, image.id];
    try {
      const stored = await loadImage(this.#db, image.sha256);
      if (!stored) return;
      const bytes = new Uint8Array(await stored.blob.arrayBuffer());
      const sent = await this.#saveSent((await this.#preparer.prepare(bytes, { maxBytes, maxPixels }, wish)).sent);
      const now = this.images.find((candidate) => candidate.id === image.id);
      if (!sent || !now) return;
      this.#replace(key, image.id, { ...now, sent });
      this.#onReady(sent.sha256);
    } catch (cause) {
      this.#onError(cause);
    } finally {
      this.#deriving = this.#deriving.filter((id) => id !== image.id);
    }
  }

  #replace(key: string, id: string, image: DraftImage | null): void {
    if (this.draftKey !== key && !this.items.some((item) => item.id === id)) {
      // Another draft is shown by now: the picture joins its own one on disk.
      if (image) void appendToDraft(this.#db, key, image);
      return;
    }
    this.items = this.items.flatMap((item) => (item.id !== id ? [item] : image ? [image] : []));
    this.#changed();
  }

  remove(id: string): void {
    this.items = this.items.filter((item) => item.id !== id);
    this.#changed();
  }

  /** Move a picture so that it stands at `index`. */
  move(id: string, index: number): void {
    const item = this.items.find((candidate) => candidate.id === id);
    if (!item) return;
    const others = this.items.filter((candidate) => candidate !== item);
    this.items = [...others.slice(0, index), item, ...others.slice(index)];
    this.#changed();
  }

  /** Write what is not on disk yet. */
  flush(): Promise<void> {
    return this.#saver.flush();
  }

  #changed(): void {
    if (!this.#opened) return; // it would take the place of the draft that is still to be read
    this.#saver.save(this.draftKey, this.#text, [...this.images]);
  }
}
