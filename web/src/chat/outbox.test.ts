// @vitest-environment jsdom
import { beforeEach, describe, expect, it } from "vitest";
import { freshDatabase } from "../../tests/database.ts";
import { message } from "../../tests/records.ts";
import { ScriptedGateway, type Script } from "../../tests/scripted_gateway.ts";
import { Client } from "../api/client.ts";
import { saveTurn } from "../store/conversations.ts";
import type { Database } from "../store/db.ts";
import { listOutbox } from "../store/outbox.ts";
import type { Message, OutboxEntry } from "../store/records.ts";
import { MAX_CUT_OFFS } from "./failure.ts";
import { Outbox, type Exclusive, type Readiness } from "./outbox.ts";

const entry = (): OutboxEntry => ({
  messageId: "a",
  conversationId: "c",
  idempotencyKey: "first-key",
  recipe: { model: "nano", messages: [{ role: "user", text: "q", images: [] }], labelImages: false, sampling: {} },
  createdMs: 1,
  engineFailures: 0,
  cutOffs: 0,
});
const blank = (): Message => message({ id: "a", role: "assistant", status: "waiting" });
const always: Readiness = { whenReady: () => Promise.resolve(), model: { id: "nano", name: "nano" } };
const alone: Exclusive = (_name, _signal, work) => work();

/** One page: an outbox over `db`, and everything that it showed. */
function page(db: Database, gateway: ScriptedGateway, readiness: Readiness = always, exclusive = alone) {
  const shown: Message[] = [];
  const waiters: { test: (message: Message) => boolean; resolve: (message: Message) => void }[] = [];
  const outbox = new Outbox({
    db,
    client: new Client(gateway.fetch),
    gateway: readiness,
    exclusive,
    pause: () => new Promise((resolve) => setTimeout(resolve, 5)),
    onMessage(each) {
      shown.push(each);
      for (const waiter of waiters) if (waiter.test(each)) waiter.resolve(each);
    },
    onSaved: () => undefined,
    onStorageError(cause) {
      throw cause;
    },
  });
  const until = (test: (message: Message) => boolean) =>
    new Promise<Message>((resolve) => {
      const there = shown.find(test);
      if (there) resolve(there);
      else waiters.push({ test, resolve });
    });
  const settled = async () => {
    const last = await until((each) => !["waiting", "streaming"].includes(each.status));
    await expect.poll(async () => (await listOutbox(db)).length).toBe(0);
    return last;
  };
  return { outbox, shown, until, settled };
}

async function sent(db: Database): Promise<OutboxEntry> {
  const one = entry();
  await saveTurn(db, {
    conversation: { id: "c", title: "", titled: false, createdMs: 0, updatedMs: 0, headId: "a" },
    assistant: blank(),
    entry: one,
  });
  return one;
}

async function run(...scripts: Script[]) {
  const gateway = new ScriptedGateway(...scripts);
  const view = page(db, gateway);
  view.outbox.submit(await sent(db), blank());
  const last = await view.settled();
  return { gateway, last, onDisk: await db.get("messages", "a"), ...view };
}

let db: Database;
beforeEach(async () => {
  db = await freshDatabase();
});

const say = (...texts: string[]): Script => ({ steps: texts.map((text) => ({ say: text })) });

describe("an answer", () => {
  it("streams, ends, and is on disk when its entry leaves", async () => {
    const { gateway, last, onDisk } = await run(say("你", "好"));
    expect(last).toMatchObject({ status: "done", text: "你好" });
    expect(last.timing?.totalMs).toBeGreaterThanOrEqual(last.timing?.firstTokenMs ?? Infinity);
    expect(onDisk).toMatchObject({ status: "done", text: "你好" });
    expect(gateway.asked.map((each) => each.key)).toEqual(["first-key"]);
  });

  it("that is cut off is read again with the same key, and what is shown never shrinks", async () => {
    const { gateway, last, shown } = await run({ steps: [{ say: "一二三" }, { cut: true }, { say: "四五六" }] });
    expect(last.text).toBe("一二三四五六");
    expect(gateway.asked.map((each) => [each.key, each.replay])).toEqual([
      ["first-key", false],
      ["first-key", true],
    ]);
    const lengths = shown.map((each) => each.text.length);
    expect(lengths).toEqual([...lengths].sort((a, b) => a - b));
  });

  it("from a gateway that forgot is run again, once, and replaces the partial one when it has caught up", async () => {
    const gateway = new ScriptedGateway({ steps: [{ say: "甲乙丙" }, { cut: true }] }, say("子", "丑", "寅", "卯"));
    const view = page(db, gateway);
    view.outbox.submit(await sent(db), blank());
    await view.until((each) => each.text === "甲乙丙");
    gateway.forget();
    const last = await view.settled();
    expect(last.text).toBe("子丑寅卯");
    expect(view.shown.map((each) => each.text).filter((text) => text !== "")).not.toContain("子");
    expect(gateway.asked.map((each) => each.replay)).toEqual([false, false]);
  });

  it("without [DONE] is taken for cut off", async () => {
    const { gateway, last } = await run({ steps: [{ say: "半" }], noDone: true });
    expect(last).toMatchObject({ status: "done", text: "半" });
    expect(gateway.asked).toHaveLength(2);
  });

  it("that never comes whole ends as interrupted, with what arrived", async () => {
    const broken: Script = { steps: [{ say: "半" }, { cut: true }] };
    const gateway = new ScriptedGateway(broken, broken, broken, broken, broken);
    gateway.forgetful = true;
    const view = page(db, gateway);
    view.outbox.submit(await sent(db), blank());
    expect(await view.settled()).toMatchObject({ status: "interrupted", text: "半" });
    expect(gateway.asked).toHaveLength(1 + MAX_CUT_OFFS);
  });
});

describe("an engine", () => {
  it("that is starting is waited for, with the same key", async () => {
    const { gateway, last } = await run({ status: 503, code: "engine_starting", retryAfterS: 0.01 }, say("好"));
    expect(last.text).toBe("好");
    expect(gateway.asked.map((each) => each.key)).toEqual(["first-key", "first-key"]);
  });

  it("that died in the middle leads to another run; the partial answer stays until then", async () => {
    const { gateway, last, shown } = await run(
      { steps: [{ say: "一二三" }, { error: { code: "engine_died" } }] },
      say("一二", "三四"),
    );
    expect(last).toMatchObject({ status: "done", text: "一二三四" });
    expect(shown.some((each) => each.status === "waiting" && each.text === "一二三")).toBe(true);
    expect(gateway.asked[1]?.key).not.toBe("first-key");
    expect(gateway.asked[1]?.replay).toBe(false);
  });

  it("that dies of the same request each time is not killed for ever", async () => {
    const dies: Script = { steps: [{ say: "一" }, { error: { code: "engine_died", message: "gone" } }] };
    const { gateway, last } = await run(dies, dies, dies, say("never"));
    expect(last).toMatchObject({ status: "error", error: { code: "engine_died", message: "gone" } });
    expect(gateway.asked).toHaveLength(3);
  });

  it("with another model than the one that was asked for answers all the same", async () => {
    const gateway = new ScriptedGateway({ status: 404, code: "model_not_found" }, say("好"));
    const view = page(db, gateway, { ...always, model: { id: "qwen", name: "Qwen" } });
    view.outbox.submit(await sent(db), blank());
    expect(await view.settled()).toMatchObject({ status: "done", model: "Qwen" });
    expect(gateway.asked.map((each) => each.body["model"])).toEqual(["nano", "qwen"]);
    expect(gateway.asked[1]?.key).not.toBe("first-key");
  });
});

describe("a refusal", () => {
  it("stands at the message with what it said, and is not repeated", async () => {
    const { gateway, last } = await run({ status: 400, code: "invalid_image" });
    expect(last).toMatchObject({ status: "error", error: { code: "invalid_image", status: 400, hint: "do this" } });
    expect(gateway.asked).toHaveLength(1);
  });

  it("because the model is unknown is final when there is no other model", async () => {
    const { last } = await run({ status: 404, code: "model_not_found" });
    expect(last).toMatchObject({ status: "error", error: { code: "model_not_found" } });
  });

  it("of a picture that is gone says so without asking the gateway", async () => {
    const gateway = new ScriptedGateway();
    const view = page(db, gateway);
    const one = await sent(db);
    one.recipe.messages[0]?.images.push("no-such-picture");
    view.outbox.submit(one, blank());
    expect(await view.settled()).toMatchObject({ status: "error", error: { code: "image_missing" } });
    expect(gateway.asked).toEqual([]);
  });
});

describe("a gateway that cannot be reached", () => {
  it("is asked again until it is there", async () => {
    const { gateway, last } = await run({ unreachable: true }, { unreachable: true }, say("好"));
    expect(last.status).toBe("done");
    expect(new Set(gateway.asked.map((each) => each.key))).toEqual(new Set(["first-key"]));
  });
});

describe("stopping", () => {
  it("tells the gateway, keeps what arrived, and ends the send", async () => {
    let goOn: () => void = () => undefined;
    const until = new Promise<void>((resolve) => (goOn = resolve));
    const gateway = new ScriptedGateway({ steps: [{ say: "一二" }, { until }, { say: "三" }] });
    const view = page(db, gateway);
    view.outbox.submit(await sent(db), blank());
    await view.until((each) => each.text === "一二");
    await view.outbox.stop("a");
    goOn();
    expect(gateway.stopped).toEqual(["first-key"]);
    expect(await db.get("messages", "a")).toMatchObject({ status: "stopped", text: "一二" });
    expect(await listOutbox(db)).toEqual([]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(view.shown.at(-1)).toMatchObject({ status: "stopped", text: "一二" });
  });

  it("also works before anything was sent", async () => {
    const gateway = new ScriptedGateway();
    const never: Readiness = {
      whenReady: (_ms, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            reject(signal.reason as Error);
          });
        }),
      model: null,
    };
    const view = page(db, gateway, never);
    view.outbox.submit(await sent(db), blank());
    await view.outbox.stop("a");
    expect(await db.get("messages", "a")).toMatchObject({ status: "stopped", text: "" });
    expect(gateway.asked).toEqual([]);
  });

  it("writes nothing more of a conversation that is being deleted", async () => {
    let goOn: () => void = () => undefined;
    const until = new Promise<void>((resolve) => (goOn = resolve));
    const gateway = new ScriptedGateway({ steps: [{ say: "一" }, { until }, { say: "二" }] });
    const view = page(db, gateway);
    view.outbox.submit(await sent(db), blank());
    await view.until((each) => each.text === "一");
    view.outbox.discard("c");
    await db.delete("messages", "a");
    goOn();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await db.get("messages", "a")).toBeUndefined();
  });
});

describe("a page that was closed in the middle", () => {
  it("is followed by one that reads the same answer, from what is on disk", async () => {
    let goOn: () => void = () => undefined;
    const until = new Promise<void>((resolve) => (goOn = resolve));
    const gateway = new ScriptedGateway({ steps: [{ say: "一二" }, { until }, { say: "三" }] });
    const before = page(db, gateway);
    before.outbox.submit(await sent(db), blank());
    await before.until((each) => each.text === "一二");
    before.outbox.flush();
    await expect.poll(async () => (await db.get("messages", "a"))?.text).toBe("一二");

    const after = page(db, gateway);
    expect(await after.outbox.resume()).toBe(1);
    expect(after.shown[0]).toMatchObject({ status: "waiting", text: "一二" });
    await after.until((each) => each.status === "streaming");
    goOn();
    expect(await after.settled()).toMatchObject({ status: "done", text: "一二三" });
    expect(gateway.asked.map((each) => [each.key, each.replay])).toEqual([
      ["first-key", false],
      ["first-key", true],
    ]);
  });

  it("forgets an entry whose message is gone", async () => {
    const gateway = new ScriptedGateway();
    await sent(db);
    await db.delete("messages", "a");
    expect(await page(db, gateway).outbox.resume()).toBe(0);
    expect(await listOutbox(db)).toEqual([]);
  });
});

describe("two tabs", () => {
  it("send once: the second waits for the first and takes its answer", async () => {
    const gateway = new ScriptedGateway(say("好"));
    let chain: Promise<void> = Promise.resolve();
    const oneAtATime: Exclusive = (_name, _signal, work) => {
      chain = chain.then(work);
      return chain;
    };
    const one = await sent(db);
    const first = page(db, gateway, always, oneAtATime);
    const second = page(db, gateway, always, oneAtATime);
    first.outbox.submit(one, blank());
    second.outbox.submit(one, blank());
    expect((await first.settled()).text).toBe("好");
    expect((await second.settled()).text).toBe("好");
    expect(gateway.asked).toHaveLength(1);
  });
});
