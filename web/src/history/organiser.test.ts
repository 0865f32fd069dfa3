// @vitest-environment jsdom
import { beforeEach, describe, expect, it } from "vitest";
import { freshDatabase } from "../../tests/database.ts";
import type { Chat } from "../chat/chat.svelte.ts";
import { OpenConversation } from "../chat/conversation.svelte.ts";
import { saveConversation } from "../store/conversations.ts";
import type { Database } from "../store/db.ts";
import type { Conversation } from "../store/records.ts";
import { Tabs, type TabMessage } from "../store/tabs.ts";
import { History } from "./history.svelte.ts";
import { Organiser } from "./organiser.svelte.ts";

class HeardTabs extends Tabs {
  readonly told: TabMessage[] = [];

  override tell(message: TabMessage): void {
    this.told.push(message);
  }
}

let db: Database;
let history: History;
let tabs: HeardTabs;
let open: OpenConversation;
let organiser: Organiser;

beforeEach(async () => {
  db = await freshDatabase();
  const add = (id: string, updatedMs: number, ...tags: string[]) =>
    db.put("conversations", { ...{ id, title: id, titled: false, createdMs: 0, updatedMs, headId: null }, tags });
  await add("one", 3, "春款", "甲");
  await add("two", 2, "夏款");
  await add("three", 1, "甲", "夏款");
  history = new History(db);
  await history.load();
  tabs = new HeardTabs();
  open = new OpenConversation((await db.get("conversations", "two")) as Conversation);
  organiser = new Organiser({ db, history, chat: { open } as unknown as Chat, tabs });
});

const here = (id: string) => history.get(id) as Conversation;
/** In memory, and that the disk says the same. */
async function tags(): Promise<Record<string, readonly string[]>> {
  const disk = await db.getAll("conversations");
  for (const each of disk) expect(here(each.id), each.id).toEqual(each);
  expect(open.conversation).toEqual(await db.get("conversations", "two"));
  return Object.fromEntries(disk.map((each) => [each.id, each.tags ?? []]));
}

describe("tags", () => {
  it("come and go, one conversation at a time", async () => {
    await organiser.add(here("two"), ["急", "甲"]);
    expect((await tags())["two"]).toEqual(["夏款", "急", "甲"]);
    await organiser.remove(here("two"), "夏款");
    expect((await tags())["two"]).toEqual(["急", "甲"]);
    expect(tabs.told).toEqual([
      { type: "conversation", conversationId: "two" },
      { type: "conversation", conversationId: "two" },
    ]);
  });

  it("stay when the conversation is written by somebody who holds it open", async () => {
    const adding = organiser.add(here("two"), ["急"]);
    const writing = saveConversation(db, { ...open.conversation, headId: "x" });
    await Promise.all([adding, writing]);
    expect(await db.get("conversations", "two")).toMatchObject({ headId: "x", tags: ["夏款", "急"] });
  });

  it("are renamed everywhere, and back", async () => {
    const before = await tags();
    history.tags = ["甲"];
    await organiser.rename("甲", "客户甲");
    expect(await tags()).toEqual({ one: ["春款", "客户甲"], two: ["夏款"], three: ["客户甲", "夏款"] });
    expect(history.tags).toEqual(["客户甲"]);
    expect(organiser.undoable).toMatchObject({ from: "甲", to: "客户甲", merged: false });
    expect(tabs.told).toEqual([{ type: "history" }]);
    await organiser.undo();
    expect(await tags()).toEqual(before);
    expect(organiser.undoable).toBeNull();
  });

  it("are joined with another one, and parted again", async () => {
    const before = await tags();
    await organiser.rename("甲", "夏款");
    expect(await tags()).toEqual({ one: ["春款", "夏款"], two: ["夏款"], three: ["夏款"] });
    expect(organiser.undoable?.merged).toBe(true);
    await organiser.undo();
    expect(await tags()).toEqual(before);
  });

  it("are deleted everywhere, and come back with what was changed since then", async () => {
    await organiser.delete("甲");
    expect(await tags()).toEqual({ one: ["春款"], two: ["夏款"], three: ["夏款"] });
    await organiser.add(here("three"), ["新"]);
    await db.delete("conversations", "one"); // in another tab
    history.remove("one");
    await organiser.undo();
    expect(await tags()).toEqual({ two: ["夏款"], three: ["夏款", "新", "甲"] });
  });

  it("are filtered for, together with a search, which finds tags as well", async () => {
    const found = (query: string, ...wanted: string[]) => {
      history.query = query;
      history.tags = wanted;
      return history.found.map((each) => each.conversation.id);
    };
    await history.prepareSearch();
    expect(found("", "甲")).toEqual(["one", "three"]);
    expect(found("", "甲", "夏款")).toEqual(["three"]);
    expect(found("one", "甲")).toEqual(["one"]);
    expect(found("two", "甲")).toEqual([]);
    expect(found("春款")).toEqual(["one"]);
    expect(found("thr 夏")).toEqual(["three"]);
  });
});

describe("a star", () => {
  it("puts a conversation above the others, and the order stays", async () => {
    await organiser.star(here("three"));
    expect(history.conversations.map((each) => each.id)).toEqual(["three", "one", "two"]);
    history.put({ ...here("two"), updatedMs: 9 });
    expect(history.conversations.map((each) => each.id)).toEqual(["three", "two", "one"]);
    await history.load();
    expect(history.conversations.map((each) => each.id)).toEqual(["three", "one", "two"]);
    await organiser.star(here("three"));
    expect(history.conversations.map((each) => each.id)).toEqual(["one", "two", "three"]);
  });
});
