import { beforeEach, describe, expect, it } from "vitest";
import type { Block } from "./blocks.ts";
import { SETTLE_MS, StreamRenderer, type Clock } from "./stream.ts";

/** Time that passes when a test says so; a frame comes every 16 ms. */
class FakeClock implements Clock {
  #nowMs = 1000;
  #nextId = 0;
  readonly #jobs = new Map<number, { atMs: number; run: () => void }>();
  /** Time that each call of `now` takes, to make rendering slow. */
  costMs = 0;

  now(): number {
    this.#nowMs += this.costMs;
    return this.#nowMs;
  }
  frame(callback: () => void): () => void {
    return this.after(16, callback);
  }
  after(delayMs: number, run: () => void): () => void {
    const id = this.#nextId++;
    this.#jobs.set(id, { atMs: this.#nowMs + delayMs, run });
    return () => this.#jobs.delete(id);
  }
  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const due = [...this.#jobs].filter(([, job]) => job.atMs <= endMs).sort((a, b) => a[1].atMs - b[1].atMs)[0];
      if (!due) break;
      this.#jobs.delete(due[0]);
      this.#nowMs = Math.max(this.#nowMs, due[1].atMs);
      due[1].run();
    }
    this.#nowMs = Math.max(this.#nowMs, endMs);
  }
}

describe("StreamRenderer", () => {
  let clock: FakeClock;
  let shown: Block[][];
  let renderer: StreamRenderer;

  beforeEach(() => {
    clock = new FakeClock();
    shown = [];
    renderer = new StreamRenderer((blocks) => shown.push(blocks), clock);
  });

  it("draws many small steps in few renders", () => {
    for (let n = 1; n <= 100; n++) {
      renderer.push("字".repeat(n));
      clock.advance(1);
    }
    expect(shown.length).toBeGreaterThan(1);
    expect(shown.length).toBeLessThanOrEqual(100 / 33 + 2);
  });

  it("slows down where rendering is slow", () => {
    const startMs = clock.now();
    clock.costMs = 40;
    for (let n = 1; n <= 100; n++) {
      renderer.push("字".repeat(n));
      clock.advance(10);
    }
    const elapsedMs = clock.now() - startMs;
    expect(shown.length).toBeGreaterThan(2);
    expect(shown.length * clock.costMs).toBeLessThan(elapsedMs / 3 + 2 * clock.costMs);
  });

  it("makes the full pass after silence, which knows what came late", () => {
    renderer.push("见[文档]。\n\n第二段\n\n第三段\n\n第四段\n\n[文档]: https://example.com/\n");
    clock.advance(100);
    renderer.push("见[文档]。\n\n第二段\n\n第三段\n\n第四段\n\n[文档]: https://example.com/\n完");
    clock.advance(SETTLE_MS + 100);
    expect(shown.at(-1)?.[0]?.html).toContain("href");
  });

  it("closes nothing by itself in the end", () => {
    renderer.push("写**重点");
    clock.advance(100);
    expect(shown.at(-1)?.[0]?.html).toContain("<strong>");
    renderer.finish("写**重点");
    expect(shown.at(-1)?.[0]?.html).toContain("**重点");
  });

  it.each([
    ["bold, in Chinese", "说明\n\n**重点：", "<strong>重点：</strong>"],
    ["bold, in English", "Notes\n\n**Price: ", "<strong>Price:</strong>"],
    ["code, in Chinese", "运行`安装", "<code>安装</code>"],
    ["code, in English", "Run `npm inst", "<code>npm inst</code>"],
    ["a link, in Chinese", "见[价目表](https://exa", "见价目表"],
    ["a link, in English", "See [the list](https://exa", "See the list"],
    ["a table's head, in Chinese", "| 商品 | 单价 |\n| --", "<p>| 商品 | 单价 |</p>"],
    ["a table's head, in English", "| Item | Price |\n| --- |", "<p>| Item | Price |</p>"],
  ])("closes what is open at the end of a text that was broken off: %s", (_name, text, expected) => {
    const shownEnd = () => shown.at(-1)?.at(-1)?.html;
    renderer.push(text);
    clock.advance(100);
    expect(shownEnd()).toContain(expected); // while it grows
    clock.advance(SETTLE_MS + 100);
    expect(shownEnd()).toContain(expected); // in a pause
    renderer.finish(text, true);
    expect(shownEnd()).toContain(expected); // stopped
    expect(shownEnd()).not.toContain("<table");
    renderer.finish(text);
    expect(shownEnd()).not.toContain(expected); // it was meant so
  });

  it("keeps the objects of blocks that the full pass does not change: a selection in them survives", () => {
    const text = "甲\n\n乙\n\n丙\n\n丁";
    renderer.push(text);
    clock.advance(100);
    const before = shown.at(-1);
    renderer.finish(text);
    expect(shown.at(-1)?.every((block, index) => block === before?.[index])).toBe(true);
  });

  it("shows the last words when they come with the end, after a silence", () => {
    renderer.push("甲");
    clock.advance(SETTLE_MS + 100);
    renderer.push("甲乙");
    renderer.finish("甲乙");
    expect(shown.at(-1)?.[0]?.html).toContain("甲乙");
  });

  it("does nothing for an end that brings nothing new after the full pass", () => {
    renderer.push("甲");
    clock.advance(SETTLE_MS + 100);
    const count = shown.length;
    renderer.finish("甲");
    expect(shown).toHaveLength(count);
  });

  it("is quiet once stopped", () => {
    renderer.push("x");
    renderer.stop();
    clock.advance(2000);
    expect(shown).toEqual([]);
  });
});
