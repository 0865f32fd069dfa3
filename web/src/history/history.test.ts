import { beforeEach, describe, expect, it } from "vitest";
import { freshDatabase } from "../../tests/database.ts";
import { message } from "../../tests/records.ts";
import type { Database } from "../store/db.ts";
import { History } from "./history.svelte.ts";
import { snippet, termsOf } from "./search.ts";

let db: Database;
let history: History;
const found = (query: string) => {
  history.query = query;
  return history.found.map((each) => each.conversation.id);
};

beforeEach(async () => {
  db = await freshDatabase();
  const add = async (id: string, title: string, updatedMs: number, ...texts: string[]) => {
    await db.put("conversations", { id, title, titled: false, createdMs: 0, updatedMs, headId: null });
    for (const [index, text] of texts.entries()) {
      await db.put("messages", message({ id: `${id}${index}`, conversationId: id, role: "user", text }));
    }
  };
  await add("cup", "保温杯文案", 3, "写一段", "星河轻量保温杯，只要¥59.90");
  await add("table", "Stock table", 2, "Convert the table to Markdown.", "| Milk | 86 |");
  await add("long", "", 1, `${"前文".repeat(100)}关键字${"后文".repeat(100)}`);
  history = new History(db);
  await history.load();
  await history.prepareSearch();
});

describe("History", () => {
  it("lists everything, newest first, without a query", () => {
    expect(found("")).toEqual(["cup", "table", "long"]);
    expect(found("   ")).toEqual(["cup", "table", "long"]);
  });

  it("finds titles and texts, whatever the case", () => {
    expect(found("保温杯")).toEqual(["cup"]);
    expect(found("STOCK")).toEqual(["table"]);
    expect(found("59.90")).toEqual(["cup"]);
    expect(found("milk")).toEqual(["table"]);
    expect(found("没有的")).toEqual([]);
  });

  it("wants all words, in one message", () => {
    expect(found("milk 86")).toEqual(["table"]);
    expect(found("milk convert")).toEqual([]);
  });

  it("shows where a text matched", () => {
    found("关键字");
    expect(history.found[0]?.snippet).toMatch(/^…(前文)+关键字(后文)+后?…$/);
    found("保温杯文案");
    expect(history.found[0]?.snippet).toBeNull();
  });

  it("follows what is written and deleted", () => {
    history.putText(message({ id: "cup9", conversationId: "cup", role: "assistant", text: "新写的话" }));
    expect(found("新写的话")).toEqual(["cup"]);
    history.remove("cup");
    expect(found("保温杯")).toEqual([]);
  });

  it("moves a conversation up when it goes on", () => {
    history.put({ id: "long", title: "t", titled: false, createdMs: 0, updatedMs: 9, headId: null });
    expect(found("")).toEqual(["long", "cup", "table"]);
  });
});

describe("search terms", () => {
  it("are words in lower case", () => {
    expect(termsOf("  Big  Table ")).toEqual(["big", "table"]);
  });

  it("give no snippet where they are not", () => {
    expect(snippet("abc", ["x"])).toBeNull();
    expect(snippet("abc", [])).toBeNull();
  });
});
