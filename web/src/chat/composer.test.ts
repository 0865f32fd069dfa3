// @vitest-environment jsdom
import { beforeEach, describe, expect, it, vi } from "vitest";
import { freshDatabase } from "../../tests/database.ts";
import { imageNamed, message } from "../../tests/records.ts";
import type { Wish } from "../images/derive.ts";
import { sentSize } from "../images/plan.ts";
import { ImageRefused, type ImageLimits, type PreparedImage } from "../images/prepare.ts";
import { ImagePreparer } from "../images/preparer.ts";
import { sha256 } from "../images/sha256.ts";
import type { Database } from "../store/db.ts";
import { editDraftKey, loadDraft, NEW_DRAFT } from "../store/drafts.ts";
import type { DraftImage, SendMode } from "../store/records.ts";
import { Composer, isPrepared, type ComposerLimits } from "./composer.svelte.ts";

// The stand-in for the browser's database keeps no bytes of jsdom's blobs.
vi.mock("../store/images.ts", async (original) => ({
  ...(await original<object>()),
  loadImage: () => Promise.resolve({ blob: { arrayBuffer: () => Promise.resolve(new TextEncoder().encode("png a").buffer) } }),
}));

/** Takes files whose text begins with "png"; the rest is no picture. Waits where a test says so. */
class FakePreparer extends ImagePreparer {
  hold: Promise<void> = Promise.resolve();

  override async prepare(bytes: Uint8Array<ArrayBuffer>): Promise<PreparedImage> {
    await this.hold;
    if (!new TextDecoder().decode(bytes).startsWith("png")) throw new ImageRefused("not_image");
    return { sha256: await sha256(bytes), type: "image/png", sizeBytes: bytes.length, width: 4, height: 3, thumb: null };
  }
}

/** jsdom's File cannot be read with `arrayBuffer`. */
function file(name: string, content: string): File {
  const made = new File([content], name);
  made.arrayBuffer = () => Promise.resolve(new TextEncoder().encode(content).buffer as ArrayBuffer);
  return made;
}

const picture = (name: string, content = `png ${name}`) => file(name, content);

let db: Database;
let preparer: FakePreparer;
let composer: Composer;
beforeEach(async () => {
  db = await freshDatabase();
  preparer = new FakePreparer();
  const limits = { maxImages: 3, maxImageBytes: 100, maxImagePixels: 1000 };
  composer = new Composer(
    db,
    preparer,
    () => limits,
    (cause) => {
      throw cause;
    },
  );
  await composer.open(NEW_DRAFT);
});
const names = () => composer.items.map((item) => item.name);

describe("pictures", () => {
  it("stand in the order in which they were given", async () => {
    expect(await composer.add([picture("b"), picture("a")])).toEqual([]);
    expect(await composer.add([picture("c")])).toEqual([]);
    expect(names()).toEqual(["b", "a", "c"]);
  });

  it("may have the same name, or be the same", async () => {
    await composer.add([picture("image.png", "png 1"), picture("image.png", "png 2")]);
    await composer.add([picture("image.png", "png 1")]);
    expect(names()).toEqual(["image.png", "image.png", "image.png"]);
    expect(await db.count("images")).toBe(2);
  });

  it("beyond the limit are refused by name; those before it are taken", async () => {
    const refusals = await composer.add(["1", "2", "3", "4", "5"].map((name) => picture(name)));
    expect(names()).toEqual(["1", "2", "3"]);
    expect(refusals).toMatchObject([{ reason: "full", files: [{ name: "4" }, { name: "5" }] }]);
  });

  it("that are none, or too large, are refused one by one", async () => {
    const refusals = await composer.add([file("说明.txt", "text"), picture("ok"), picture("big", `png${"x".repeat(200)}`)]);
    expect(names()).toEqual(["ok"]);
    expect(refusals.map((each) => [each.reason, "file" in each && each.file.name]).sort()).toEqual([
      ["bytes", "big"],
      ["not_image", "说明.txt"],
    ]);
  });

  it("that cannot be read (a folder, a file that was taken away) are refused", async () => {
    const gone = picture("gone");
    gone.arrayBuffer = () => Promise.reject(new DOMException("gone", "NotFoundError"));
    expect(await composer.add([gone])).toMatchObject([{ reason: "unreadable" }]);
    expect(composer.items).toEqual([]);
  });

  it("keep their place while they are read", async () => {
    let goOn: () => void = () => undefined;
    preparer.hold = new Promise((resolve) => (goOn = resolve));
    const adding = composer.add([picture("slow")]);
    expect(composer.preparing).toBe(true);
    expect(composer.empty).toBe(false);
    goOn();
    await adding;
    expect(composer.preparing).toBe(false);
  });

  it("move and go", async () => {
    await composer.add([picture("1"), picture("2"), picture("3")]);
    composer.move(composer.items[2]?.id ?? "", 0);
    expect(names()).toEqual(["3", "1", "2"]);
    composer.remove(composer.items[1]?.id ?? "");
    expect(names()).toEqual(["3", "2"]);
  });
});

describe("the draft", () => {
  it("is there again, text and pictures, for the next page", async () => {
    composer.text = "看看";
    await composer.add([picture("1")]);
    await composer.flush();
    const next = new Composer(
      db,
      preparer,
      () => composer.limits(),
      () => undefined,
    );
    await next.open(NEW_DRAFT);
    expect(next.text).toBe("看看");
    expect(next.images.map((image) => image.name)).toEqual(["1"]);
  });

  it("of each conversation is its own", async () => {
    composer.text = "新的";
    await composer.open("c1");
    composer.text = "在一里";
    await composer.open(NEW_DRAFT);
    expect(composer.text).toBe("新的");
    await composer.open("c1");
    expect(composer.text).toBe("在一里");
  });

  it("gets a picture that was ready only after one had left it", async () => {
    let goOn: () => void = () => undefined;
    preparer.hold = new Promise((resolve) => (goOn = resolve));
    const adding = composer.add([picture("late")]);
    await composer.open("elsewhere");
    goOn();
    await adding;
    expect(composer.items).toEqual([]);
    await expect.poll(async () => (await loadDraft(db, NEW_DRAFT))?.images.map((image) => image.name)).toEqual(["late"]);
  });

  it("is not written again after it was sent", async () => {
    composer.text = "发出去";
    await composer.flush();
    await db.delete("drafts", NEW_DRAFT);
    composer.text = "发出去!";
    await composer.sent("c1", composer.snapshot());
    await composer.flush();
    expect(await loadDraft(db, NEW_DRAFT)).toBeNull();
    expect(composer.empty).toBe(true);
    composer.text = "下一条";
    await composer.flush();
    expect((await loadDraft(db, "c1"))?.text).toBe("下一条");
  });
});

describe("what is written while a send goes to the disk", () => {
  it("stays: what was typed after it, and only that, in the draft of the conversation", async () => {
    composer.text = "第一句";
    const draft = composer.snapshot();
    composer.text = "第一句第二";
    await composer.flush();
    const sent = composer.sent("c1", draft);
    composer.text += "句";
    await sent;
    await composer.flush();
    expect(composer.text).toBe("第二句");
    expect((await loadDraft(db, "c1"))?.text).toBe("第二句");
    expect(await loadDraft(db, NEW_DRAFT)).toBeNull();
  });

  it("stays whole where it is another text", async () => {
    composer.text = "这个问题";
    const draft = composer.snapshot();
    composer.text = "那个问题";
    await composer.sent("c1", draft);
    expect(composer.text).toBe("那个问题");
  });

  it("stays: pictures that were added, also one that is still being read", async () => {
    await composer.add([picture("sent")]);
    const draft = composer.snapshot();
    await composer.add([picture("ready")]);
    let goOn: () => void = () => undefined;
    preparer.hold = new Promise((resolve) => (goOn = resolve));
    const adding = composer.add([picture("late")]);
    await composer.sent("c1", draft);
    expect(names()).toEqual(["ready", "late"]);
    goOn();
    await adding;
    await composer.flush();
    expect(composer.preparing).toBe(false);
    expect((await loadDraft(db, "c1"))?.images.map((image) => image.name)).toEqual(["ready", "late"]);
    expect(await loadDraft(db, NEW_DRAFT)).toBeNull();
  });

  it("is another conversation's and stays there, where the reader went on to one", async () => {
    composer.text = "发出去";
    const draft = composer.snapshot();
    await composer.open("c2");
    composer.text = "在二里";
    await composer.sent("c1", draft);
    expect([composer.draftKey, composer.text]).toEqual(["c2", "在二里"]);
  });

  it("is what was there before the edit, once that is sent", async () => {
    composer.text = "草稿";
    await composer.edit(message({ id: "q", role: "user", text: "原来的" }));
    composer.text = "改过的";
    await composer.flush();
    await composer.sent(NEW_DRAFT, composer.snapshot());
    expect([composer.editing, composer.text]).toEqual([null, "草稿"]);
  });

  it("stands after what was there before the edit", async () => {
    composer.text = "草稿";
    await composer.edit(message({ id: "q", role: "user", text: "原来的" }));
    const draft = composer.snapshot();
    composer.text = "原来的和新的";
    const sent = composer.sent(NEW_DRAFT, draft);
    composer.text += "字";
    await sent;
    await composer.flush();
    expect(composer.text).toBe("草稿\n和新的字");
    expect((await loadDraft(db, NEW_DRAFT))?.text).toBe("草稿\n和新的字");
    expect(await loadDraft(db, editDraftKey("q"))).toBeNull();
  });
});

describe("more pictures than the model takes", () => {
  it("stay, and are counted, until they are taken away", async () => {
    let maxImages = 3;
    const shrinking = new Composer(db, preparer, () => ({ maxImages, maxImageBytes: 100, maxImagePixels: 1000 }), () => undefined);
    await shrinking.open("s");
    await shrinking.add([picture("a"), picture("b"), picture("c")]);
    expect(shrinking.surplus).toBe(0);
    maxImages = 2; // now the gateway has said so
    expect(shrinking.surplus).toBe(1);
    expect(shrinking.images).toHaveLength(3);
    expect(await shrinking.add([picture("d")])).toMatchObject([{ reason: "full" }]);
    shrinking.remove(shrinking.items[0]?.id ?? "");
    expect(shrinking.surplus).toBe(0);
  });
});

describe("editing", () => {
  const question = message({ id: "q", role: "user", text: "原来的", images: [imageNamed("h")] });

  it("starts from the question and does not touch the draft", async () => {
    composer.text = "草稿";
    await composer.edit(question);
    expect(composer.text).toBe("原来的");
    expect(composer.items.every(isPrepared)).toBe(true);
    expect(composer.images.map((image) => image.sha256)).toEqual(["h"]);
    await composer.cancelEdit();
    expect(composer.text).toBe("草稿");
    expect(await loadDraft(db, editDraftKey("q"))).toBeNull();
  });

  it("goes on from where one left it", async () => {
    await composer.edit(question);
    composer.text = "改了一半";
    await composer.open(NEW_DRAFT);
    await composer.edit(question);
    expect(composer.text).toBe("改了一半");
  });
});

describe("what is sent of a picture", () => {
  const wish = { mode: "detail" as SendMode, budget: { minTokens: 1, maxTokens: 16 } };
  /** Derives by the rule for sizes; the bytes name what they are. */
  class DerivingPreparer extends ImagePreparer {
    readonly #reader = new FakePreparer();

    override async prepare(bytes: Uint8Array<ArrayBuffer>, _limits: ImageLimits, wanted?: Wish): Promise<PreparedImage> {
      const prepared = { ...(await this.#reader.prepare(bytes)), width: 400, height: 300 };
      if (!wanted) return prepared;
      const size = sentSize(wanted.mode, prepared, wanted.budget);
      const blob = new Blob([`${wanted.mode} ${size.width}`], { type: "image/jpeg" });
      const sha = await sha256(new TextEncoder().encode(`${wanted.mode} ${size.width}`));
      return { ...prepared, sent: { mode: wanted.mode, sha256: sha, type: blob.type, sizeBytes: blob.size, ...size, blob } };
    }
  }
  let current: ComposerLimits;
  beforeEach(async () => {
    current = { maxImages: 3, maxImageBytes: 100, maxImagePixels: 1e6, wish };
    composer = new Composer(db, new DerivingPreparer(), () => current, (cause) => {
      throw cause;
    });
    await composer.open(NEW_DRAFT);
  });
  const only = () => composer.images[0] as DraftImage;

  it("is on disk under its own hash, beside the original, and belongs to the draft", async () => {
    await composer.add([picture("a")]);
    expect(only().sent).toMatchObject({ mode: "detail", width: 128, height: 96 });
    expect((await db.getAllKeys("images")).sort()).toEqual([only().sha256, only().sent?.sha256].sort());
    await composer.flush();
    expect((await loadDraft(db, NEW_DRAFT))?.imageHashes.sort()).toEqual([only().sha256, only().sent?.sha256].sort());
  });

  it("changes with its own switch, and cannot be sent while it does", async () => {
    await composer.add([picture("a")]);
    const changing = composer.setMode(only().id, "original");
    expect(composer.preparing).toBe(true);
    await changing;
    expect(composer.preparing).toBe(false);
    expect(only().sent).toMatchObject({ mode: "original", width: 400, height: 300 });
  });

  it("is made anew for a model that sees less, keeping the switch", async () => {
    await composer.add([{ file: picture("a"), mode: "fast", label: "p. 3" }]);
    current = { ...current, wish: { ...wish, budget: { minTokens: 1, maxTokens: 4 } } };
    await composer.refit();
    expect(only()).toMatchObject({ label: "p. 3", sent: { mode: "fast", width: 64, height: 32 } });
  });
});

describe("a page that is slower than whoever types", () => {
  it("keeps what was typed before the stored draft came, and puts the draft before it", async () => {
    composer.text = "stored";
    await composer.flush();
    const again = new Composer(db, preparer, () => ({ maxImages: 3, maxImageBytes: 100, maxImagePixels: 1000 }), () => undefined);
    again.text = "typed at once";
    await again.open(NEW_DRAFT);
    expect(again.text).toBe("stored\ntyped at once");
  });

  it("keeps it where there is no draft", async () => {
    const again = new Composer(db, preparer, () => ({ maxImages: 3, maxImageBytes: 100, maxImagePixels: 1000 }), () => undefined);
    again.text = "typed at once";
    await again.open(NEW_DRAFT);
    expect(again.text).toBe("typed at once");
  });
});
