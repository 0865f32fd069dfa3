// @vitest-environment jsdom
import { beforeEach, describe, expect, it } from "vitest";
import { freshDatabase } from "../../tests/database.ts";
import { imageNamed } from "../../tests/records.ts";
import { ScriptedGateway, type Script } from "../../tests/scripted_gateway.ts";
import { Client } from "../api/client.ts";
import type { Exclusive } from "../chat/outbox.ts";
import type { Database } from "../store/db.ts";
import type { Batch, BatchRow } from "./records.ts";
import { BatchRun, type RunOptions } from "./runner.ts";
import { swapped } from "./second.ts";
import { claimRow, loadRows, newRow, REQUEUED, saveBatch, updateBatch, updateRow } from "./store.ts";

const BATCH: Batch = {
  id: "b",
  title: "",
  createdMs: 0,
  updatedMs: 0,
  state: "running",
  prompt: "q",
  use: null,
  values: {},
  concurrency: 1,
};
const say = (...texts: string[]): Script => ({ steps: texts.map((text) => ({ say: text })) });
const alone: Exclusive = (_name, _signal, work) => work();

let db: Database;
beforeEach(async () => {
  db = await freshDatabase();
});

async function saved(count: number, concurrency = 1): Promise<void> {
  const rows = Array.from({ length: count }, (_, n) => newRow("b", imageNamed(`p${n}`), n));
  await saveBatch(db, { ...BATCH, concurrency }, rows);
}

function start(gateway: ScriptedGateway, more: Partial<RunOptions> = {}): BatchRun {
  return new BatchRun("b", {
    db,
    client: new Client(gateway.fetch),
    gateway: { whenReady: () => Promise.resolve(), model: { id: "nano", name: "nano" } },
    recipeFor: (_batch, row) => ({
      model: "nano",
      messages: [{ role: "user", text: row.image.name, images: [] }],
      labelImages: false,
      sampling: {},
    }),
    onRow: () => undefined,
    onBatch: () => undefined,
    onText: () => undefined,
    onStorageError(cause) {
      throw cause;
    },
    exclusive: alone,
    pause: () => new Promise((resolve) => setTimeout(resolve, 2)),
    ...more,
  });
}

const names = (gateway: ScriptedGateway) =>
  gateway.asked.map((each) => (each.body["messages"] as { content: string }[])[0]?.content);
const brief = (rows: BatchRow[]) => rows.map((row) => row.answer || row.error?.code || row.status);

describe("a batch", () => {
  it("sends each row once, in order, and ends idle", async () => {
    await saved(3);
    const gateway = new ScriptedGateway(say("一"), say("二"), say("三"));
    await start(gateway).ended;
    expect(names(gateway)).toEqual(["p0.png", "p1.png", "p2.png"]);
    expect(new Set(gateway.asked.map((each) => each.key)).size).toBe(3);
    expect(brief(await loadRows(db, "b"))).toEqual(["一", "二", "三"]);
    expect((await db.get("batches", "b"))?.state).toBe("idle");
  });

  it("has a row's key on disk before its request leaves", async () => {
    await saved(2);
    const gateway = new ScriptedGateway(say("一"), say("二"));
    const onDisk: (string | null | undefined)[] = [];
    const client = new Client(async (path, init) => {
      const key = new Headers(init?.headers).get("Idempotency-Key");
      onDisk.push((await loadRows(db, "b")).find((row) => row.status === "sending" && row.idempotencyKey === key)?.id);
      return gateway.fetch(path, init);
    });
    await start(gateway, { client }).ended;
    expect(onDisk).toEqual((await loadRows(db, "b")).map((row) => row.id));
  });

  it.each([1, 2, 4])("has at most %i rows on their way", async (concurrency) => {
    await saved(9, concurrency);
    const gateway = new ScriptedGateway(...Array.from({ length: 9 }, (_, n) => say(`${n}`, "…")));
    let now = 0;
    let most = 0;
    const client = new Client(async (path, init) => {
      now += 1;
      most = Math.max(most, now);
      await new Promise((resolve) => setTimeout(resolve, 3));
      const response = await gateway.fetch(path, init);
      const text = await response.text();
      now -= 1;
      return new Response(text);
    });
    await start(gateway, { client }).ended;
    expect(most).toBe(concurrency);
    expect(brief(await loadRows(db, "b")).every((answer) => answer.endsWith("…"))).toBe(true);
  });

  it("goes on after the page has gone, with the same key, and runs no row twice", async () => {
    await saved(3);
    const gate: { open: () => void } = { open: () => undefined };
    const until = new Promise<void>((resolve) => {
      gate.open = resolve;
    });
    const gateway = new ScriptedGateway(say("一"), { steps: [{ say: "二" }, { until }, { say: "完" }] }, say("三"));
    const first = start(gateway);
    await expect.poll(() => gateway.asked.length).toBe(2);
    first.abandon();
    await first.ended;
    const [, second] = await loadRows(db, "b");
    expect(second).toMatchObject({ status: "sending", idempotencyKey: gateway.asked[1]?.key });
    gate.open();
    await start(gateway).ended;
    expect(brief(await loadRows(db, "b"))).toEqual(["一", "二完", "三"]);
    expect(gateway.asked.map((each) => each.replay)).toEqual([false, false, true, false]);
    expect(gateway.asked[2]?.key).toBe(gateway.asked[1]?.key);
    expect(gateway.asked[2]?.body).toEqual(gateway.asked[1]?.body);
  });

  it("keeps a row's failure with its words, and goes on with the others", async () => {
    await saved(3);
    const gateway = new ScriptedGateway(say("一"), { status: 400, code: "invalid_image" }, say("三"));
    await start(gateway).ended;
    const rows = await loadRows(db, "b");
    expect(brief(rows)).toEqual(["一", "invalid_image", "三"]);
    expect(rows[1]?.error).toMatchObject({ message: "it said invalid_image", hint: "do this", status: 400 });
  });

  it("asks a failed row again with a new key", async () => {
    await saved(2);
    const gateway = new ScriptedGateway({ status: 400, code: "invalid_image" }, say("二"), say("一"));
    await start(gateway).ended;
    const [row] = await loadRows(db, "b");
    await updateRow(db, row?.id ?? "", () => REQUEUED);
    await start(gateway).ended;
    expect(brief(await loadRows(db, "b"))).toEqual(["一", "二"]);
    expect(new Set(gateway.asked.map((each) => each.key)).size).toBe(3);
  });

  it("reads an answer that was cut off again with its key", async () => {
    await saved(1);
    const gateway = new ScriptedGateway({ steps: [{ say: "半" }, { cut: true }, { say: "全" }] });
    await start(gateway).ended;
    expect(brief(await loadRows(db, "b"))).toEqual(["半全"]);
    expect(gateway.asked.map((each) => each.replay)).toEqual([false, true]);
  });

  it("asks again with a new key after the engine died, three times at most", async () => {
    await saved(2);
    const dies: Script = { steps: [{ say: "半" }, { error: { code: "engine_died" } }] };
    const gateway = new ScriptedGateway(dies, say("一"), dies, dies, dies);
    await start(gateway).ended;
    expect(brief(await loadRows(db, "b"))).toEqual(["一", "engine_died"]);
    expect(new Set(gateway.asked.map((each) => each.key)).size).toBe(5);
  });

  it("waits for a gateway that is away or busy, with the same key", async () => {
    await saved(1);
    const gateway = new ScriptedGateway(
      { unreachable: true },
      { status: 429, code: "rate_limit_exceeded", retryAfterS: 0 },
      { status: 503, code: "engine_starting" },
      say("一"),
    );
    await start(gateway).ended;
    expect(brief(await loadRows(db, "b"))).toEqual(["一"]);
    expect(new Set(gateway.asked.map((each) => each.key)).size).toBe(1);
  });

  it("asks the model that is there when the one it was meant for has gone", async () => {
    await saved(1);
    const gateway = new ScriptedGateway({ status: 404, code: "model_not_found" }, say("一"));
    const model = { whenReady: () => Promise.resolve(), model: { id: "big", name: "Big" } };
    await start(gateway, { gateway: model }).ended;
    expect(gateway.asked.map((each) => each.body["model"])).toEqual(["nano", "big"]);
    expect(await loadRows(db, "b")).toMatchObject([{ answer: "一", model: "Big" }]);
  });

  it("takes an empty answer for a failure", async () => {
    await saved(1);
    await start(new ScriptedGateway(say(" \n"))).ended;
    expect(brief(await loadRows(db, "b"))).toEqual(["empty_answer"]);
  });
});

describe("an answer that is empty or repeats itself", () => {
  const LOOP = "价格是12.50元，库存充足，欢迎选购。";
  const loop: Script = { steps: [{ say: "一张价签。" }, ...Array.from({ length: 200 }, () => ({ say: LOOP }))] };
  const watched = (gateway: ScriptedGateway) => start(gateway, { secondAttempts: () => true }).ended;

  it("is cut and asked for once more, a little warmer and with another seed; both are kept", async () => {
    await saved(2);
    const gateway = new ScriptedGateway(loop, say("杯子"), say("碗"));
    await watched(gateway);
    const [row, other] = await loadRows(db, "b");
    expect(row).toMatchObject({
      ...{ status: "done", answer: "杯子", error: null },
      attempt: { reason: "loop", temperature: 0.15, shown: "second" },
    });
    expect(row?.attempt?.other.answer).toMatch(/^一张价签。/);
    expect(row?.attempt?.other.answer.length).toBeLessThan(200);
    expect(other).toMatchObject({ answer: "碗", attempt: null });
    const [first, second] = gateway.asked;
    expect(second?.key).not.toBe(first?.key);
    expect(second?.body["temperature"]).toBe(0.15);
    expect(second?.body["seed"]).toEqual(expect.any(Number));
    expect(second?.body["messages"]).toEqual(first?.body["messages"]);
    expect(gateway.stopped).toEqual([first?.key]);
  });

  it("is asked for once more and not twice", async () => {
    await saved(2);
    const gateway = new ScriptedGateway(loop, loop, say(" "), say(""));
    await watched(gateway);
    const [looping, empty] = await loadRows(db, "b");
    expect(gateway.asked).toHaveLength(4);
    expect(looping).toMatchObject({ status: "done", attempt: { reason: "loop", failed: "loop" } });
    expect(looping?.answer).toMatch(/^一张价签。/);
    expect(empty).toMatchObject({ status: "error", error: { code: "empty_answer" }, attempt: { reason: "empty", failed: "empty" } });
  });

  it("is asked for once more by the next page, if this one goes in between", async () => {
    await saved(1);
    const gate: { open: () => void } = { open: () => undefined };
    const until = new Promise<void>((resolve) => {
      gate.open = resolve;
    });
    const gateway = new ScriptedGateway(loop, { steps: [{ say: "半" }, { until }, { say: "全" }] });
    const first = start(gateway, { secondAttempts: () => true });
    await expect.poll(() => gateway.asked.length).toBe(2);
    first.abandon();
    await first.ended;
    gate.open();
    await watched(gateway);
    expect(await loadRows(db, "b")).toMatchObject([{ answer: "半全", attempt: { reason: "loop", shown: "second" } }]);
    expect(gateway.asked.map((each) => each.replay)).toEqual([false, false, true]);
  });

  it("stays as it is where second attempts are switched off", async () => {
    await saved(1);
    const gateway = new ScriptedGateway(loop);
    await start(gateway).ended;
    expect((await loadRows(db, "b"))[0]?.answer).toHaveLength(5 + 200 * LOOP.length);
  });

  it("can be taken in place of the second one, with its edits, and back", async () => {
    await saved(1);
    await watched(new ScriptedGateway(loop, say("杯子")));
    const [row] = (await loadRows(db, "b")) as [BatchRow];
    await updateRow(db, row.id, () => ({ edits: { answer: "我的" } }));
    const first = await updateRow(db, row.id, swapped);
    expect(first).toMatchObject({ edits: {}, attempt: { shown: "first", other: { answer: "杯子", edits: { answer: "我的" } } } });
    expect(first?.answer).toMatch(/^一张价签/);
    const second = await updateRow(db, row.id, swapped);
    expect(second).toMatchObject({ answer: "杯子", edits: { answer: "我的" }, attempt: { shown: "second" } });
  });

  it("that is empty is a failure, whichever it is", async () => {
    await saved(1);
    await watched(new ScriptedGateway(say(""), say("杯子")));
    const [row] = (await loadRows(db, "b")) as [BatchRow];
    expect(await updateRow(db, row.id, swapped)).toMatchObject({ status: "error", error: { code: "empty_answer" } });
    expect(await updateRow(db, row.id, swapped)).toMatchObject({ status: "done", answer: "杯子", error: null });
  });
});

describe("pausing and stopping", () => {
  function gated() {
    const gate: { open: () => void } = { open: () => undefined };
    const until = new Promise<void>((resolve) => {
      gate.open = resolve;
    });
    const first: Script = { steps: [{ say: "一" }, { until }, { say: "完" }] };
    return { gate, gateway: new ScriptedGateway(first, say("二"), say("三")) };
  }

  it("lets rows on their way come to their end when paused, and begins no other", async () => {
    await saved(2);
    const { gate, gateway } = gated();
    const run = start(gateway);
    await expect.poll(() => gateway.asked.length).toBe(1);
    await updateBatch(db, "b", () => ({ state: "paused" }));
    run.pause();
    gate.open();
    await run.ended;
    expect(brief(await loadRows(db, "b"))).toEqual(["一完", "queued"]);
    expect((await db.get("batches", "b"))?.state).toBe("paused");
  });

  it("goes on when unpaused in time", async () => {
    await saved(2);
    const { gate, gateway } = gated();
    const run = start(gateway);
    await expect.poll(() => gateway.asked.length).toBe(1);
    run.pause();
    run.unpause();
    gate.open();
    await run.ended;
    expect(brief(await loadRows(db, "b"))).toEqual(["一完", "二"]);
  });

  it("takes rows back when stopped, and tells the gateway", async () => {
    await saved(2);
    const { gateway } = gated();
    const run = start(gateway);
    await expect.poll(() => gateway.asked.length).toBe(1);
    await run.stop();
    expect(await loadRows(db, "b")).toMatchObject([
      { status: "queued", idempotencyKey: null, answer: "" },
      { status: "queued" },
    ]);
    expect(gateway.stopped).toEqual([gateway.asked[0]?.key]);
  });

  it("finishes what an earlier page had begun even when it starts paused", async () => {
    await saved(2);
    await claimRow(db, "b", () => ({ model: "nano", messages: [], labelImages: false, sampling: {} }));
    const run = start(new ScriptedGateway(say("一")));
    run.pause();
    await run.ended;
    expect(brief(await loadRows(db, "b"))).toEqual(["一", "queued"]);
  });
});

describe("rows on disk", () => {
  it("are claimed by one tab each", async () => {
    await saved(5);
    const recipe = { model: "nano", messages: [], labelImages: false, sampling: {} };
    const claims = await Promise.all(Array.from({ length: 8 }, () => claimRow(db, "b", () => recipe)));
    const ids = claims.flatMap((row) => (row ? [row.id] : []));
    expect(ids).toHaveLength(5);
    expect(new Set(ids).size).toBe(5);
  });
});
