// @vitest-environment jsdom
import { beforeEach, describe, expect, it } from "vitest";
import { freshDatabase } from "../../tests/database.ts";
import { message } from "../../tests/records.ts";
import { ScriptedGateway, type Script } from "../../tests/scripted_gateway.ts";
import { Client } from "../api/client.ts";
import { Outbox, type OutboxOptions } from "../chat/outbox.ts";
import { saveTurn } from "../store/conversations.ts";
import type { Database } from "../store/db.ts";
import { listOutbox } from "../store/outbox.ts";
import type { Conversation, Message, OutboxEntry } from "../store/records.ts";

const LOOP = "价格是12.50元，库存充足，欢迎选购。";
const say = (...texts: string[]): Script => ({ steps: texts.map((text) => ({ say: text })) });
const looping: Script = say("图中是一张价签。", ...Array.from({ length: 60 }, () => LOOP));
const good = say("价签上写着", "12.50元。");

const entry = (): OutboxEntry => ({
  messageId: "a",
  conversationId: "c",
  idempotencyKey: "first-key",
  recipe: { model: "nano", messages: [{ role: "user", text: "q", images: [] }], labelImages: false, sampling: {} },
  createdMs: 1,
  engineFailures: 0,
  cutOffs: 0,
});
const blank = (change: Partial<Message> = {}): Message =>
  message({ id: "a", role: "assistant", parentId: "q", status: "waiting", createdMs: 1, ...change });
const conversation: Conversation = { id: "c", title: "", titled: false, createdMs: 0, updatedMs: 0, headId: "a" };

let db: Database;
beforeEach(async () => {
  db = await freshDatabase();
});

function page(gateway: ScriptedGateway, options: Partial<OutboxOptions> = {}) {
  const heads: (string | null)[] = [];
  const outbox = new Outbox({
    db,
    client: new Client(gateway.fetch),
    gateway: {
      whenReady: () => Promise.resolve(),
      model: { id: "nano", name: "nano", sampling: { temperature: 0, top_p: 1, top_k: 1, presence_penalty: 0 } },
    },
    exclusive: (_name, _signal, work) => work(),
    pause: () => new Promise((resolve) => setTimeout(resolve, 5)),
    secondAttempts: () => true,
    onSecond: (next) => heads.push(next.headId),
    onMessage: () => undefined,
    onSaved: () => undefined,
    onStorageError(cause) {
      throw cause;
    },
    ...options,
  });
  return { outbox, heads };
}

async function ask(gateway: ScriptedGateway, options: Partial<OutboxOptions> = {}, answer = blank()) {
  const view = page(gateway, options);
  const one = entry();
  await saveTurn(db, { conversation, assistant: answer, entry: one });
  view.outbox.submit(one, answer);
  return view;
}

const settled = () => expect.poll(async () => (await listOutbox(db)).length, { timeout: 4000 }).toBe(0);
async function answers(): Promise<Message[]> {
  return (await db.getAll("messages")).sort((a, b) => a.createdMs - b.createdMs);
}

describe("an answer that repeats itself", () => {
  it("is cut, and asked for once more, warmer and with another seed; both stay", async () => {
    const gateway = new ScriptedGateway(looping, good);
    const { heads } = await ask(gateway);
    await settled();
    const [first, second] = await answers();
    expect(first).toMatchObject({ status: "done", text: `图中是一张价签。${LOOP}`, attempt: { which: "first", reason: "loop", temperature: 0.15 } });
    expect(second).toMatchObject({ status: "done", text: "价签上写着12.50元。", parentId: "q", attempt: { which: "second", otherId: "a" } });
    expect(first?.attempt?.otherId).toBe(second?.id);
    expect(gateway.asked).toHaveLength(2);
    expect(gateway.asked[1]?.body).toMatchObject({ temperature: 0.15, top_k: 20, messages: gateway.asked[0]?.body["messages"] });
    expect(gateway.asked[1]?.body["seed"]).toEqual(expect.any(Number));
    expect(gateway.asked[0]?.body).not.toHaveProperty("seed");
    // The first run was stopped, long before it would have ended.
    expect(gateway.stopped).toEqual(["first-key"]);
    expect(heads).toEqual([second?.id]);
    expect((await db.get("conversations", "c"))?.headId).toBe(second?.id);
  });

  it("again is cut again, and not asked for a third time", async () => {
    const gateway = new ScriptedGateway(looping, looping);
    await ask(gateway);
    await settled();
    const [, second] = await answers();
    expect(gateway.asked).toHaveLength(2);
    expect(second).toMatchObject({ status: "done", text: `图中是一张价签。${LOOP}`, attempt: { which: "second", reason: "loop", failed: "loop" } });
    expect(gateway.stopped).toHaveLength(2);
  });

  it("of a comparison is cut, and left as it came out", async () => {
    const gateway = new ScriptedGateway(looping);
    await ask(gateway, {}, blank({ variant: { systemPrompt: "", sampling: {} } }));
    await settled();
    expect(await answers()).toMatchObject([{ attempt: { which: "first", otherId: null }, text: `图中是一张价签。${LOOP}` }]);
  });

  it("is left alone where the reader wants that", async () => {
    const gateway = new ScriptedGateway(looping);
    await ask(gateway, { secondAttempts: () => false });
    await settled();
    const [only] = await answers();
    expect(only?.text.length).toBeGreaterThan(LOOP.length * 59);
    expect(only).not.toHaveProperty("attempt");
    expect(gateway.asked).toHaveLength(1);
  });

  it("leaves a reader who went to another branch where he is", async () => {
    const gateway = new ScriptedGateway(looping, good);
    const view = page(gateway);
    const one = entry();
    await saveTurn(db, { conversation: { ...conversation, headId: "elsewhere" }, assistant: blank(), entry: one });
    view.outbox.submit(one, blank());
    await settled();
    expect((await db.get("conversations", "c"))?.headId).toBe("elsewhere");
  });
});

describe("an empty answer", () => {
  it.each(["", "  \n\n "])("%j is asked for once more", async (text) => {
    const gateway = new ScriptedGateway(say(text), good);
    await ask(gateway);
    await settled();
    expect(await answers()).toMatchObject([
      { text: "", attempt: { which: "first", reason: "empty" } },
      { text: "价签上写着12.50元。", attempt: { which: "second", reason: "empty" } },
    ]);
  });

  it("twice is said, and that is all", async () => {
    const gateway = new ScriptedGateway(say(""), say(""));
    await ask(gateway);
    await settled();
    expect((await answers())[1]).toMatchObject({ text: "", attempt: { failed: "empty" } });
    expect(gateway.asked).toHaveLength(2);
  });
});

describe("a page that dies", () => {
  it("during the second attempt goes on with it, and asks for no third one", async () => {
    const gateway = new ScriptedGateway(looping, { steps: [{ say: "价签" }, { until: new Promise(() => undefined) }] });
    await ask(gateway);
    await expect.poll(async () => (await listOutbox(db))[0]?.secondOf).toBe("a");
    const [pending] = await listOutbox(db);
    await expect.poll(() => gateway.asked.length).toBe(2);

    const later = new ScriptedGateway(looping);
    const { outbox } = page(later);
    expect(await outbox.resume()).toBe(1);
    await settled();
    expect(later.asked.map((each) => each.key)).toEqual([pending?.idempotencyKey]);
    expect(later.asked[0]?.body).toEqual(gateway.asked[1]?.body);
    expect((await answers()).map((each) => each.attempt?.which)).toEqual(["first", "second"]);
  });

  it("during the first one sees the same loop again, and asks once more only then", async () => {
    const one = entry();
    await saveTurn(db, { conversation, assistant: blank({ text: "图中是", status: "streaming" }), entry: one });
    const gateway = new ScriptedGateway(looping, good);
    await page(gateway).outbox.resume();
    await settled();
    expect(gateway.asked.map((each) => each.key === "first-key")).toEqual([true, false]);
    expect(await answers()).toHaveLength(2);
  });
});

describe("a request that is too long for the engine", () => {
  const tooLong: Script = { status: 400, code: "context_length_exceeded" };
  const plan = {
    recipe: { model: "nano", messages: [{ role: "user" as const, text: "shorter", images: [] }], labelImages: false, sampling: {} },
    sent: { demo: false, messages: 1, messagesLeftOut: 4, images: 0, imagesLeftOut: 0 },
  };

  it("is made shorter once and sent again, with a key of its own", async () => {
    const gateway = new ScriptedGateway(tooLong, good);
    const said: string[] = [];
    const shrink = (_entry: OutboxEntry, _message: Message, engineMessage: string) => {
      said.push(engineMessage);
      return Promise.resolve(plan);
    };
    await ask(gateway, { shrink });
    await settled();
    expect(said).toEqual(["it said context_length_exceeded"]);
    expect(gateway.asked.map((each) => each.key === "first-key")).toEqual([true, false]);
    expect(gateway.asked[1]?.body["messages"]).toEqual([{ role: "user", content: "shorter" }]);
    expect(await answers()).toMatchObject([{ status: "done", sent: plan.sent }]);
  });

  it("is given up when that is too long as well", async () => {
    const gateway = new ScriptedGateway(tooLong, tooLong);
    await ask(gateway, { shrink: () => Promise.resolve(plan) });
    await settled();
    expect(await answers()).toMatchObject([{ status: "error", error: { code: "context_length_exceeded" } }]);
    expect(gateway.asked).toHaveLength(2);
  });

  it("is given up when it cannot be any shorter", async () => {
    const gateway = new ScriptedGateway(tooLong);
    await ask(gateway, { shrink: () => Promise.resolve(null) });
    await settled();
    expect(await answers()).toMatchObject([{ status: "error" }]);
  });
});
