import { readFileSync } from "node:fs";
import { beforeEach, describe, expect, it } from "vitest";
import { freshDatabase } from "../../tests/database.ts";
import { imageNamed, message } from "../../tests/records.ts";
import { writeZip, type ZipEntry } from "../files/zip.ts";
import type { PreparedImage } from "../images/prepare.ts";
import { sha256 } from "../images/sha256.ts";
import type { Database } from "../store/db.ts";
import { saveImage } from "../store/images.ts";
import { hashesOf, type Conversation, type ImageRef, type Message } from "../store/records.ts";
import { asMarkdown, exportArchive, exportMarkdown } from "./export.ts";
import { importArchive, ImportRefused } from "./import.ts";
import { ZipReader } from "./unzip.ts";

const picture = (name: string) => new Uint8Array(readFileSync(`public/samples/${name}.png`));

const prepare = async (bytes: Uint8Array<ArrayBuffer>): Promise<PreparedImage> => ({
  ...{ sha256: await sha256(bytes), type: "image/png", sizeBytes: bytes.length, width: 4, height: 3 },
  thumb: new Blob(["thumb"]),
});
const imageLimits = { maxBytes: 1e7, maxPixels: 1e8 };
const run = (archive: Blob, db: Database) => importArchive(archive, { db, prepare, imageLimits });

let db: Database;
let conversation: Conversation;
let messages: Message[];

async function stored(name: string): Promise<ImageRef> {
  const bytes = picture(name);
  const hash = await sha256(bytes);
  await saveImage(db, { sha256: hash, blob: new Blob([bytes], { type: "image/png" }), thumb: null, createdMs: 1 });
  return { sha256: hash, name: `${name}.png`, type: "image/png", sizeBytes: bytes.length, width: 512, height: 384 };
}

/** A conversation with two branches in which every field that can be there is there. */
beforeEach(async () => {
  db = await freshDatabase();
  const [card, sent] = await Promise.all([stored("product_card_zh"), stored("table_zh")]);
  const full: ImageRef = {
    ...card,
    sent: { mode: "fast", sha256: sent.sha256, type: "image/png", sizeBytes: 5, width: 32, height: 32 },
    label: "第 3 页",
    origin: { sha256: card.sha256, name: "whole.png", x: 1, y: 2.5, width: 3, height: 4 },
  };
  conversation = {
    ...{ id: "c", title: "标题 # [1]", titled: true, createdMs: 1, updatedMs: 5, headId: "a2" },
    ...{ tags: ["客户甲", "Spring"], starred: true },
  };
  const sampling = {
    ...{ temperature: 0.5, top_p: 1, top_k: 4, max_tokens: 9, seed: 7 },
    response_format: { type: "json_schema", json_schema: { name: "n", strict: true, schema: { a: [{ b: null }] } } } as const,
  };
  const field = { id: "f", label: "标题", aliases: ["t"], max: 30, unit: "width" } as const;
  messages = [
    message({
      ...{ id: "u1", role: "user", text: "问题 **x**\n第二行", images: [full, card], createdMs: 1, pinned: true },
      imageHashes: hashesOf([full, card]),
      preset: {
        ...{ id: "p", name: "n", values: [{ label: "l", value: "v" }], extra: "e", systemPrompt: "s", checkBanned: true },
        fields: [{ ...field, aliases: [...field.aliases] }],
        sampling,
      },
    }),
    message({
      ...{ id: "a1", role: "assistant", parentId: "u1", text: "答", reasoning: "想", createdMs: 2, model: "m" },
      ...{ finishReason: "stop", usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 } },
      timing: { firstTokenMs: 1.5, totalMs: 2.5 },
      attempt: { which: "first", reason: "loop", temperature: 0.7, otherId: "a2", failed: "empty" },
      variant: { systemPrompt: "v", sampling },
      sent: {
        ...{ demo: false, messages: 1, messagesLeftOut: 0, images: 1, imagesLeftOut: 0 },
        context: {
          ...{ limitTokens: 9, contextTokens: 9, reservedTokens: 1, tokens: 5, exact: true, over: false, shrunk: false },
          rows: [
            {
              ...{ part: "history", act: "cut", count: 1, messageId: "u1", role: "user", pinned: false, tokens: 1 },
              ...{ savedTokens: 1, images: 0, imageTokens: 0, imagesDescribed: 1, imagesLeftOut: 0 },
              ...{ removed: [[0, 2] as const], description: "一张卡" },
            },
          ],
        },
      },
    }),
    message({
      ...{ id: "a2", role: "assistant", parentId: "u1", createdMs: 3, status: "error" },
      error: { message: "m", type: "t", code: "c", param: null, request_id: "r", hint: "h", status: 500 },
    }),
  ];
  await db.put("conversations", conversation);
  for (const each of messages) await db.put("messages", each);
  await db.put("tables", { key: "a1:0", messageId: "a1", conversationId: "c", cells: [["1"]], updatedMs: 4 });
});

const byId = (list: Message[]) => [...list].sort((a, b) => (a.id < b.id ? -1 : 1));

describe("an archive", () => {
  it("brings everything into another browser without loss", async () => {
    const archive = await exportArchive(db, [conversation]);
    const other = await freshDatabase();
    const report = await run(archive, other);
    expect(report).toMatchObject({ known: 0, picturesMissing: 0, conversations: [conversation] });
    expect(await other.getAll("conversations")).toEqual([conversation]);
    expect(byId(await other.getAll("messages"))).toEqual(byId(messages));
    expect(await other.getAll("tables")).toEqual(await db.getAll("tables"));
    const [here, there] = await Promise.all([db.getAll("images"), other.getAll("images")]);
    expect(there.map((image) => image.sha256)).toEqual(here.map((image) => image.sha256));
    // And once more: what comes out of the second browser is the same.
    const reader = async (blob: Blob) => {
      const zip = await ZipReader.open(blob, { entries: 99, fileBytes: 1e9, totalBytes: 1e9 });
      const content = (name: string, bytes: Uint8Array<ArrayBuffer>): unknown =>
        name.endsWith(".json") ? JSON.parse(new TextDecoder().decode(bytes)) : sha256(bytes);
      return Promise.all(zip.names.sort().map(async (name) => [name, await content(name, await zip.read(name))]));
    };
    expect(await reader(await exportArchive(other, [conversation], null, 7))).toEqual(
      await reader(await exportArchive(db, [conversation], null, 7)),
    );
  });

  it("that is here already changes nothing", async () => {
    const archive = await exportArchive(db, [conversation]);
    const report = await run(archive, db);
    expect(report).toMatchObject({ known: 1, conversations: [] });
    expect(await db.count("messages")).toBe(3);
  });

  it("brings tags, a star and edited tables to a conversation that is here without them", async () => {
    const archive = await exportArchive(db, [conversation]);
    await db.put("conversations", { ...conversation, title: "here", tags: ["自己的", "spring"], starred: false });
    await db.delete("tables", "a1:0");
    expect(await run(archive, db)).toMatchObject({ known: 1, conversations: [] });
    expect(await db.get("conversations", "c")).toMatchObject({ title: "here", tags: ["自己的", "spring", "客户甲"], starred: true });
    expect((await db.get("tables", "a1:0"))?.cells).toEqual([["1"]]);
    await db.put("tables", { key: "a1:0", messageId: "a1", conversationId: "c", cells: [["mine"]], updatedMs: 9 });
    await run(archive, db);
    expect((await db.get("tables", "a1:0"))?.cells).toEqual([["mine"]]);
  });

  it("never overwrites: a changed conversation becomes a second one, with new ids throughout", async () => {
    const archive = await exportArchive(db, [conversation]);
    await db.put("messages", { ...(messages[1] as Message), text: "here it was changed" });
    const report = await run(archive, db);
    const [copy] = report.conversations;
    expect(copy?.id).not.toBe("c");
    expect((await db.get("messages", "a1"))?.text).toBe("here it was changed");
    expect(await db.count("messages")).toBe(6);
    const copies = await db.getAllFromIndex("messages", "conversationId", copy?.id);
    const ids = new Set(copies.map((each) => each.id));
    expect(ids.has(copy?.headId ?? "")).toBe(true);
    for (const each of copies) {
      expect(["u1", "a1", "a2"]).not.toContain(each.id);
      if (each.parentId !== null) expect(ids.has(each.parentId)).toBe(true);
      if (each.attempt) expect(ids.has(each.attempt.otherId ?? "")).toBe(true);
      for (const row of each.sent?.context?.rows ?? []) expect(ids.has(row.messageId ?? "")).toBe(true);
    }
    const tables = await db.getAllFromIndex("tables", "conversationId", copy?.id);
    expect(tables.map((table) => ids.has(table.messageId) && table.key === `${table.messageId}:0`)).toEqual([true]);
  });

  it("with a picture missing is imported, and says so", async () => {
    await db.clear("images");
    const other = await freshDatabase();
    expect(await run(await exportArchive(db, [conversation]), other)).toMatchObject({ picturesMissing: 2 });
    expect(await other.count("messages")).toBe(3);
  });

  it("of an answer that was being written calls it interrupted", async () => {
    await db.put("messages", { ...(messages[1] as Message), status: "streaming" });
    const other = await freshDatabase();
    await run(await exportArchive(db, [conversation]), other);
    expect((await other.get("messages", "a1"))?.status).toBe("interrupted");
  });
});

describe("a hostile archive", () => {
  const manifest = { name: "huiyan.json", data: JSON.stringify({ format: "huiyan-export", version: 1, exportedMs: 1 }) };
  const file = (change: (content: { conversation: Conversation; messages: Message[]; tables: unknown[] }) => void): ZipEntry => {
    const content = structuredClone({ conversation, messages, tables: [] as unknown[] });
    change(content);
    return { name: "conversations/c.json", data: JSON.stringify(content) };
  };
  const refused = async (entries: ZipEntry[] | Blob) => {
    const other = await freshDatabase();
    const archive = entries instanceof Blob ? entries : await writeZip(entries);
    await expect(run(archive, other)).rejects.toThrow(ImportRefused);
    expect(await other.count("conversations")).toBe(0);
    expect(await other.count("messages")).toBe(0);
  };

  it.each<[string, (content: { conversation: Conversation; messages: Message[]; tables: unknown[] }) => void]>([
    ["an object for a text", (c) => (c.messages[0] = { ...(c.messages[0] as Message), text: {} as string })],
    ["another role", (c) => (c.messages[0] = { ...(c.messages[0] as Message), role: "system" as "user" })],
    ["a script for an id", (c) => (c.conversation.id = "<script>")],
    ["no messages", (c) => (c.messages = null as unknown as Message[])],
    ["a path for a hash", (c) => (c.messages[0] as Message).images.push(imageNamed("../../x"))],
    ["a page for a picture", (c) => ((c.messages[0]?.images[0] as ImageRef).type = "text/html")],
    ["a message twice", (c) => c.messages.push(c.messages[0] as Message)],
    ["numbers that are none", (c) => (c.conversation.createdMs = "1" as unknown as number)],
    ["a title of a megabyte", (c) => (c.conversation.title = "x".repeat(1e6))],
    ["a schema without end", (c) => {
      let deep: Record<string, unknown> = {};
      for (let n = 0; n < 100; n++) deep = { deep };
      (c.messages[1] as Message).variant = {
        systemPrompt: "",
        sampling: { response_format: { type: "json_schema", json_schema: { name: "n", strict: true, schema: deep } } },
      };
    }],
  ])("with %s is refused whole", async (_, change) => {
    await refused([manifest, file(change)]);
  });

  it("that is no archive, of another format, or from a later version is refused", async () => {
    await refused(new Blob(["not a zip"]));
    await refused([file(() => undefined)]);
    await refused([{ name: "huiyan.json", data: '{"format":"other","version":1,"exportedMs":1}' }]);
    await refused([{ name: "huiyan.json", data: '{"format":"huiyan-export","version":3,"exportedMs":1}' }]);
    await refused([manifest, { name: "conversations/c.json", data: "{" }]);
  });

  it("that lies about sizes is refused, however it lies", async () => {
    const good = new Uint8Array(await (await writeZip([manifest, file(() => undefined)])).arrayBuffer());
    for (let at = 0; at < good.length; at += 7) {
      const bad = good.slice();
      bad[at] = (bad[at] as number) ^ 0xff;
      const other = await freshDatabase();
      await run(new Blob([bad]), other).catch((cause: unknown) => {
        expect(cause, `byte ${at}`).toBeInstanceOf(ImportRefused);
      });
    }
    for (const length of [0, 10, 100, good.length - 30]) await refused(new Blob([good.slice(0, length)]));
  });

  it("cannot bring a picture under another picture's hash, nor a file that is no picture", async () => {
    const other = await freshDatabase();
    const [first] = messages[0]?.images ?? [];
    const hash = first?.sha256 ?? "";
    const script = new TextEncoder().encode("<html><script>alert(1)</script></html>");
    const html = await sha256(script);
    const archive = await writeZip([
      manifest,
      file((c) => {
        (c.messages[0] as Message).images = [imageNamed(hash), imageNamed(html)];
      }),
      { name: `pictures/${hash}.png`, data: new Blob([picture("sign_en")]) },
      { name: `pictures/${html}.png`, data: new Blob([script]) },
    ]);
    expect(await run(archive, other)).toMatchObject({ picturesMissing: 2 });
    expect(await other.count("images")).toBe(0);
  });

  it("with messages in a circle is opened without one", async () => {
    const other = await freshDatabase();
    await run(
      await writeZip([
        manifest,
        file((c) => {
          (c.messages[0] as Message).parentId = "a1";
          (c.messages[2] as Message).parentId = "elsewhere";
        }),
      ]),
      other,
    );
    const all = new Map((await other.getAll("messages")).map((each) => [each.id, each.parentId]));
    expect(all.get("a2")).toBeNull();
    expect([all.get("u1"), all.get("a1")]).toContain(null);
  });

  it("keeps fields out that nobody knows", async () => {
    const other = await freshDatabase();
    const entry = file((c) => Object.assign(c.messages[0] as object, { evil: "<img>", __proto__: { polluted: 1 } }));
    await run(await writeZip([manifest, entry]), other);
    expect(Object.keys((await other.get("messages", "u1")) as object)).not.toContain("evil");
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
});

describe("Markdown", () => {
  const texts = { question: "问", answer: "答", untitled: "无题", reasoning: "思考", call: ({ tool }: { tool: string }) => `工具 ${tool}`, tags: (tags: readonly string[]) => `标签：${tags.join("、")}` };

  it("shows the branch that is shown", () => {
    const shown = asMarkdown({ ...conversation, headId: "a1" }, messages, texts, (image) => `p/${image.name}`);
    expect(shown).toBe(
      "# 标题 #  1\n\n标签：客户甲、Spring\n\n## 问\n\n![1: product_card_zh.png](p/product_card_zh.png)\n\n![2: product_card_zh.png](p/product_card_zh.png)" +
        "\n\n问题 **x**\n第二行\n\n## 答\n\n*m*\n\n<details><summary>思考</summary>\n\n想\n\n</details>\n\n答\n",
    );
  });

  it("is one file where there is nothing beside it, and an archive with pictures otherwise", async () => {
    expect((await exportMarkdown(db, [conversation], texts)).extension).toBe("zip");
    const plain = { ...conversation, id: "d", headId: "d1" };
    await db.put("messages", message({ id: "d1", role: "user", conversationId: "d", text: "x" }));
    expect((await exportMarkdown(db, [plain], texts)).extension).toBe("md");
    const { blob } = await exportMarkdown(db, [plain, conversation, { ...plain, title: conversation.title }], texts);
    const zip = await ZipReader.open(blob, { entries: 99, fileBytes: 1e9, totalBytes: 1e9 });
    expect(zip.names.filter((name) => name.endsWith(".md"))).toEqual(["标题 # [1].md", "标题 # [1] (2).md", "标题 # [1] (3).md"]);
  });
});
