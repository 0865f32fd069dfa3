import { openDB } from "idb";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { freshDatabase } from "../../tests/database.ts";
import { imageNamed, message } from "../../tests/records.ts";
import { deleteConversation, listConversations, loadMessages, saveTurn, settleMessage } from "./conversations.ts";
import { openDatabase, StorageError, type Database } from "./db.ts";
import { DRAFT_DELAY_MS, DraftSaver, editDraftKey, loadDraft, saveDraft } from "./drafts.ts";
import { newId } from "./ids.ts";
import { collectImages, loadImage, saveImage } from "./images.ts";
import { isPending, listOutbox, updateOutboxEntry } from "./outbox.ts";
import type { Conversation, OutboxEntry, StoredImage } from "./records.ts";

const conversation = (id: string, updatedMs = 0): Conversation => ({
  id,
  title: id,
  titled: false,
  createdMs: 0,
  updatedMs,
  headId: null,
});
const entry = (messageId: string, conversationId: string, createdMs = 0): OutboxEntry => ({
  messageId,
  conversationId,
  idempotencyKey: newId(),
  recipe: { model: "m", messages: [], labelImages: false, sampling: {} },
  createdMs,
  engineFailures: 0,
  cutOffs: 0,
});
const image = (sha256: string, createdMs = 0): StoredImage => ({
  sha256,
  blob: new Blob([sha256]),
  thumb: null,
  createdMs,
});

let db: Database;
beforeEach(async () => {
  db = await freshDatabase();
});

describe("a turn", () => {
  it("is on disk as a whole before anything is sent, and its draft is gone", async () => {
    await saveDraft(db, "new", "看看", []);
    await saveTurn(db, {
      conversation: conversation("c"),
      user: message({ id: "u", role: "user", text: "看看" }),
      assistant: message({ id: "a", role: "assistant", parentId: "u", status: "waiting" }),
      entry: entry("a", "c"),
      draftKey: "new",
    });
    expect((await loadMessages(db, "c")).map((each) => each.id).sort()).toEqual(["a", "u"]);
    expect(await isPending(db, "a")).toBe(true);
    expect(await loadDraft(db, "new")).toBeNull();
  });

  it("leaves the outbox together with its final answer", async () => {
    const assistant = message({ id: "a", role: "assistant", status: "waiting" });
    await saveTurn(db, { conversation: conversation("c"), assistant, entry: entry("a", "c") });
    await settleMessage(db, { ...assistant, status: "done", text: "好" });
    expect(await listOutbox(db)).toEqual([]);
    expect((await loadMessages(db, "c"))[0]).toMatchObject({ status: "done", text: "好" });
  });

  it("is not put back by a tab that comes too late", async () => {
    const late = entry("a", "c");
    expect(await updateOutboxEntry(db, late)).toBe(false);
    expect(await listOutbox(db)).toEqual([]);
  });
});

describe("conversations", () => {
  it("come newest first", async () => {
    for (const [id, ms] of [["old", 1], ["new", 3], ["middle", 2]] as const) {
      await db.put("conversations", conversation(id, ms));
    }
    expect((await listConversations(db)).map((each) => each.id)).toEqual(["new", "middle", "old"]);
  });

  it("are deleted with their messages, sends and drafts, and nobody else's", async () => {
    for (const id of ["x", "y"]) {
      await saveTurn(db, {
        conversation: conversation(id),
        user: message({ id: `u${id}`, role: "user", conversationId: id }),
        assistant: message({ id: `a${id}`, role: "assistant", conversationId: id }),
        entry: entry(`a${id}`, id),
      });
      await saveDraft(db, id, "draft", []);
      await saveDraft(db, editDraftKey(`u${id}`), "edit", []);
    }
    await deleteConversation(db, "x");
    expect((await listConversations(db)).map((each) => each.id)).toEqual(["y"]);
    expect((await db.getAll("messages")).map((each) => each.id).sort()).toEqual(["ay", "uy"]);
    expect((await listOutbox(db)).map((each) => each.messageId)).toEqual(["ay"]);
    expect((await db.getAllKeys("drafts")).sort()).toEqual(["edit:uy", "y"]);
  });
});

describe("pictures", () => {
  it("are stored once", async () => {
    await saveImage(db, image("h", 1));
    await saveImage(db, image("h", 2));
    expect(await db.count("images")).toBe(1);
    expect((await loadImage(db, "h"))?.createdMs).toBe(1);
  });

  it("are collected when nothing refers to them and they are not new", async () => {
    const nowMs = 100 * 60 * 1000;
    for (const hash of ["in-message", "in-draft", "orphan"]) await saveImage(db, image(hash));
    await saveImage(db, image("just-added", nowMs - 1000));
    await db.put("messages", message({ id: "m", role: "user", images: [imageNamed("in-message")] }));
    await saveDraft(db, "new", "", [{ ...imageNamed("in-draft"), id: "1" }]);
    expect(await collectImages(db, nowMs)).toBe(1);
    expect((await db.getAllKeys("images")).sort()).toEqual(["in-draft", "in-message", "just-added"]);
  });
});

describe("drafts", () => {
  it("are written shortly after the last change", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const saver = new DraftSaver(db, (cause) => {
        throw cause;
      });
      saver.save("new", "图", []);
      saver.save("new", "图里", []);
      vi.advanceTimersByTime(DRAFT_DELAY_MS - 1);
      expect(await loadDraft(db, "new")).toBeNull();
      vi.advanceTimersByTime(1);
      expect((await loadDraft(db, "new"))?.text).toBe("图里");
    } finally {
      vi.useRealTimers();
    }
  });

  it("of two conversations do not mix when one switches between them", async () => {
    const saver = new DraftSaver(db, () => undefined);
    saver.save("a", "甲", []);
    saver.save("b", "乙", []);
    await saver.flush();
    expect([(await loadDraft(db, "a"))?.text, (await loadDraft(db, "b"))?.text]).toEqual(["甲", "乙"]);
  });

  it("that are empty leave nothing behind", async () => {
    await saveDraft(db, "new", "x", []);
    await saveDraft(db, "new", "", []);
    expect(await loadDraft(db, "new")).toBeNull();
  });

  it("report a full disk instead of failing silently", async () => {
    const failures: unknown[] = [];
    vi.spyOn(db, "transaction").mockImplementation(() => {
      throw new DOMException("full", "QuotaExceededError");
    });
    const saver = new DraftSaver(db, (cause) => failures.push(cause));
    saver.save("new", "x", []);
    await saver.flush();
    expect(failures).toHaveLength(1);
  });
});

describe("the database", () => {
  it("of a newer page is left alone", async () => {
    (await openDB("newer", 99)).close();
    await expect(openDatabase(() => undefined, "newer")).rejects.toSatisfy(
      (cause) => cause instanceof StorageError && cause.problem === "newer",
    );
  });

  it("is given up to a newer page, and the reader is told", async () => {
    const onOutdated = vi.fn();
    await openDatabase(onOutdated, "upgraded");
    (await openDB("upgraded", 99)).close();
    expect(onOutdated).toHaveBeenCalledOnce();
  });
});

describe("newId", () => {
  it("makes UUIDs of version 4 without crypto.randomUUID", () => {
    const ids = Array.from({ length: 100 }, newId);
    expect(new Set(ids).size).toBe(100);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});
