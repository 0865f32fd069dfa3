import { openDB } from "idb";
import { expect, it } from "vitest";
import { imageNamed, message } from "../../tests/records.ts";
import { History } from "../history/history.svelte.ts";
import { openDatabase } from "./db.ts";

/** The database as pages of version 4 made it: this must never change. */
function openVersion4(name: string) {
  return openDB(name, 4, {
    upgrade(db) {
      db.createObjectStore("conversations", { keyPath: "id" }).createIndex("updatedMs", "updatedMs");
      const messages = db.createObjectStore("messages", { keyPath: "id" });
      messages.createIndex("conversationId", "conversationId");
      messages.createIndex("imageHashes", "imageHashes", { multiEntry: true });
      db.createObjectStore("images", { keyPath: "sha256" });
      db.createObjectStore("drafts", { keyPath: "key" }).createIndex("imageHashes", "imageHashes", { multiEntry: true });
      db.createObjectStore("outbox", { keyPath: "messageId" });
      db.createObjectStore("presets", { keyPath: "id" });
      db.createObjectStore("wordLists", { keyPath: "id" });
      db.createObjectStore("batches", { keyPath: "id" }).createIndex("state", "state");
      const rows = db.createObjectStore("batchRows", { keyPath: "id" });
      rows.createIndex("batchId", "batchId");
      rows.createIndex("imageHashes", "imageHashes", { multiEntry: true });
      db.createObjectStore("tables", { keyPath: "key" }).createIndex("conversationId", "conversationId");
      db.createObjectStore("descriptions", { keyPath: "key" });
    },
  });
}

/** One record for each store, as pages of version 4 wrote them: without tags, stars and second answers. */
const RECORDS: Record<string, object> = {
  conversations: { id: "c", title: "旧对话", titled: true, createdMs: 1, updatedMs: 2, headId: "m" },
  messages: message({ id: "m", role: "user", text: "以前的问题", images: [imageNamed("h")] }),
  images: { sha256: "h", blob: new Blob(["x"]), thumb: null, createdMs: 1 },
  drafts: { key: "new", text: "草稿", images: [], imageHashes: [], updatedMs: 1 },
  outbox: {
    ...{ messageId: "a", conversationId: "c", idempotencyKey: "k", createdMs: 1, engineFailures: 0, cutOffs: 0 },
    recipe: { model: "m", messages: [], labelImages: false, sampling: {} },
  },
  presets: {
    ...{ id: "p", name: "n", template: "t", variables: [], output: "text", fields: [], systemPrompt: "" },
    ...{ sampling: {}, checkBanned: false, updatedMs: 1, hidden: false },
  },
  wordLists: { id: "banned", words: [{ word: "最", instead: "", except: [] }] },
  batches: {
    ...{ id: "b", title: "t", createdMs: 1, updatedMs: 2, state: "paused", prompt: "q", use: null },
    ...{ values: {}, concurrency: 1 },
  },
  batchRows: {
    ...{ id: "r", batchId: "b", position: 0, image: imageNamed("h"), imageHashes: ["h"], status: "done" },
    ...{ idempotencyKey: "k", recipe: null, answer: "答", edits: {}, error: null, model: "m" },
    ...{ engineFailures: 0, cutOffs: 0, durationMs: 1, finishedMs: 2 },
  },
  tables: { key: "m:0", messageId: "m", conversationId: "c", cells: [["1"]], updatedMs: 1 },
  descriptions: { key: "h m", text: "一张卡", usedMs: 1 },
};

it("a database of version 4 is opened with all that is in it", async () => {
  const old = await openVersion4("version4");
  expect([...old.objectStoreNames].sort()).toEqual(Object.keys(RECORDS).sort());
  for (const [store, record] of Object.entries(RECORDS)) await old.put(store, record);
  const before = await Promise.all(Object.keys(RECORDS).map((store) => old.getAll(store)));
  old.close();
  const db = await openDatabase(() => undefined, "version4");
  const after = await Promise.all(
    Object.keys(RECORDS).map((store) => (db.getAll as (name: string) => Promise<unknown[]>)(store)),
  );
  expect(after).toEqual(before);
  // And it is usable: found, tagged, kept.
  const history = new History(db);
  await history.load();
  await history.prepareSearch();
  history.query = "以前的";
  expect(history.found.map((each) => each.conversation.title)).toEqual(["旧对话"]);
  expect(await db.countFromIndex("batchRows", "imageHashes", "h")).toBe(1);
  expect(await db.countFromIndex("tables", "conversationId", "c")).toBe(1);
});
