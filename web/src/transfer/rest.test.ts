import { readFileSync } from "node:fs";
import { beforeEach, describe, expect, it } from "vitest";
import { freshDatabase } from "../../tests/database.ts";
import { newRow } from "../batch/store.ts";
import type { Batch, BatchRow } from "../batch/records.ts";
import { writeZip, type ZipEntry } from "../files/zip.ts";
import { sha256 } from "../images/sha256.ts";
import type { StoredPreset } from "../presets/records.ts";
import { parseSettings } from "../settings/settings.svelte.ts";
import type { Database } from "../store/db.ts";
import { saveImage } from "../store/images.ts";
import type { ImageRef } from "../store/records.ts";
import { exportArchive } from "./export.ts";
import { importArchive, ImportRefused } from "./import.ts";

const prepare = async (bytes: Uint8Array<ArrayBuffer>) => ({
  ...{ sha256: await sha256(bytes), type: "image/png", sizeBytes: bytes.length, width: 4, height: 3 },
  thumb: new Blob(["thumb"]),
});
const run = (archive: Blob, db: Database) =>
  importArchive(archive, { db, prepare, imageLimits: { maxBytes: 1e7, maxPixels: 1e8 } });

const settings = parseSettings(JSON.stringify({ theme: "dark", systemPrompt: "简短。", temperature: 0.3, contextLimit: 8000 }));
const preset: StoredPreset = {
  ...{ id: "own", name: "我的", template: "写{{什么}}", output: "fields", systemPrompt: "s", checkBanned: true },
  variables: [{ name: "什么", label: "什么", value: "标题" }],
  fields: [{ id: "f", label: "标题", aliases: ["t"], max: 30, unit: "width" }],
  ...{ sampling: { temperature: 1, seed: 3 }, updatedMs: 5, hidden: false },
};
const batch: Batch = {
  ...{ id: "b", title: "春款", createdMs: 1, updatedMs: 2, state: "idle", prompt: "写标题", concurrency: 2 },
  use: {
    ...{ id: "own", name: "我的", values: [{ label: "什么", value: "标题" }], extra: "", systemPrompt: "s" },
    ...{ fields: preset.fields, sampling: preset.sampling, checkBanned: true },
  },
  values: { 什么: "标题" },
};

let db: Database;
let rows: BatchRow[];

async function stored(name: string): Promise<ImageRef> {
  const bytes = new Uint8Array(readFileSync(`public/samples/${name}.png`));
  const hash = await sha256(bytes);
  await saveImage(db, { sha256: hash, blob: new Blob([bytes], { type: "image/png" }), thumb: null, createdMs: 1 });
  return { sha256: hash, name: `${name}.png`, type: "image/png", sizeBytes: bytes.length, width: 512, height: 384 };
}

beforeEach(async () => {
  db = await freshDatabase();
  const [card, table] = await Promise.all([stored("product_card_zh"), stored("table_zh")]);
  const recipe = {
    ...{ model: "m", labelImages: true, sampling: { temperature: 0.85, seed: 9 } },
    messages: [{ role: "user" as const, text: "写标题", images: [card.sha256], labels: ["第 1 页"] }],
  };
  rows = [
    {
      ...newRow("b", card, 0),
      ...{ id: "r0", status: "done", answer: "【标题】杯", edits: { f: "手写" }, idempotencyKey: "k", recipe },
      ...{ model: "m", durationMs: 5, finishedMs: 6 },
      attempt: {
        ...{ reason: "loop", temperature: 0.85, shown: "second", failed: "loop" },
        other: { answer: "【标题】杯杯", edits: { f: "x" } },
      },
    },
    {
      ...newRow("b", table, 1),
      ...{ id: "r1", status: "error", engineFailures: 3 },
      error: { status: 502, message: "m", type: "t", code: "engine_died", param: null, request_id: "r", hint: "h" },
    },
  ];
  await db.put("batches", batch);
  for (const row of rows) await db.put("batchRows", row);
  await db.put("presets", preset);
  await db.put("wordLists", { id: "banned", words: [{ word: "最", instead: "很", except: ["最后"] }] });
});

describe("an archive of everything", () => {
  it("brings batches with their pictures, presets, words and settings without loss", async () => {
    const archive = await exportArchive(db, [], { settings });
    const other = await freshDatabase();
    const report = await run(archive, other);
    expect(report).toMatchObject({ batches: 1, presets: 1, words: 1, settings, picturesMissing: 0 });
    for (const store of ["batches", "batchRows", "presets", "wordLists"] as const) {
      expect(await other.getAll(store), store).toEqual(await db.getAll(store));
    }
    expect((await other.getAllKeys("images")).sort()).toEqual((await db.getAllKeys("images")).sort());
  });

  it("that is here already changes nothing", async () => {
    const archive = await exportArchive(db, [], { settings });
    expect(await run(archive, db)).toMatchObject({ batches: 0, presets: 0, words: 0 });
    expect(await db.count("batchRows")).toBe(2);
  });

  it("never overwrites: what was changed here stays, and what comes stands beside it", async () => {
    const archive = await exportArchive(db, [], { settings });
    await db.put("batchRows", { ...(rows[0] as BatchRow), edits: { f: "anders" } });
    await db.put("presets", { ...preset, name: "geändert" });
    await db.put("wordLists", { id: "banned", words: [{ word: "第一", instead: "", except: [] }] });
    expect(await run(archive, db)).toMatchObject({ batches: 1, presets: 1, words: 1 });
    expect((await db.get("batchRows", "r0"))?.edits).toEqual({ f: "anders" });
    const copy = (await db.getAll("batches")).find((each) => each.id !== "b");
    const copies = await db.getAllFromIndex("batchRows", "batchId", copy?.id);
    expect(copies.map((row) => [row.position, row.answer]).sort()).toEqual([[0, "【标题】杯"], [1, ""]]);
    expect((await db.getAll("presets")).map((each) => each.name).sort()).toEqual(["geändert", "我的"]);
    expect((await db.get("wordLists", "banned"))?.words.map(({ word }) => word)).toEqual(["第一", "最"]);
  });

  it("of a batch that was running sends nothing here: it is paused, and rows wait for their turn", async () => {
    await db.put("batches", { ...batch, state: "running" });
    await db.put("batchRows", { ...(rows[1] as BatchRow), status: "sending", idempotencyKey: "k2" });
    const other = await freshDatabase();
    await run(await exportArchive(db, [], { settings }), other);
    expect((await other.get("batches", "b"))?.state).toBe("paused");
    expect(await other.get("batchRows", "r1")).toMatchObject({ status: "queued", idempotencyKey: null });
  });

  it("has nothing of that where one conversation is exported", async () => {
    const other = await freshDatabase();
    expect(await run(await exportArchive(db, []), other)).toMatchObject({ batches: 0, presets: 0, settings: null });
    expect(await other.count("images")).toBe(0);
  });

  it("of version 1 is read, and of rows without second answers", async () => {
    const { attempt, ...plain } = rows[0] as BatchRow;
    expect(attempt).toBeDefined();
    const old = { id: "c", title: "旧", titled: false, createdMs: 1, updatedMs: 1, headId: null };
    const entries: ZipEntry[] = [
      { name: "huiyan.json", data: JSON.stringify({ format: "huiyan-export", version: 1, exportedMs: 1 }) },
      { name: "conversations/c.json", data: JSON.stringify({ conversation: old, messages: [], tables: [] }) },
      { name: "batches/b.json", data: JSON.stringify({ batch, rows: [plain] }) },
    ];
    const other = await freshDatabase();
    expect(await run(await writeZip(entries), other)).toMatchObject({ conversations: [old], batches: 1, settings: null });
    expect(await other.get("batchRows", "r0")).toEqual(plain);
  });

  it.each<[string, object]>([
    ["batches/b.json", { batch, rows: [{ ...imageless() }] }],
    ["batches/b.json", { batch: { ...batch, concurrency: 99 }, rows: [] }],
    ["batches/b.json", { batch: { ...batch, values: { a: 1 } }, rows: [] }],
    ["presets.json", { presets: [{ ...preset, output: "script" }], wordLists: [] }],
    ["presets.json", { presets: [], wordLists: [{ id: "other", words: [] }] }],
    ["settings.json", [] as object],
  ])("with a damaged %s is refused whole", async (name, content) => {
    const manifest = { name: "huiyan.json", data: JSON.stringify({ format: "huiyan-export", version: 2, exportedMs: 1 }) };
    const other = await freshDatabase();
    const archive = await writeZip([manifest, { name, data: JSON.stringify(content) }]);
    await expect(run(archive, other)).rejects.toThrow(ImportRefused);
    expect(await other.count("batches")).toBe(0);
  });

  it("with one row twice is refused", async () => {
    const manifest = { name: "huiyan.json", data: JSON.stringify({ format: "huiyan-export", version: 2, exportedMs: 1 }) };
    const other = await freshDatabase();
    const twice = { name: "batches/b.json", data: JSON.stringify({ batch, rows: [rows[0], rows[0]] }) };
    await expect(run(await writeZip([manifest, twice]), other)).rejects.toThrow(ImportRefused);
  });
});

function imageless(): Partial<BatchRow> {
  return { ...newRow("b", { sha256: "x", name: "", type: "text/html", sizeBytes: 1, width: 1, height: 1 }, 0) };
}
