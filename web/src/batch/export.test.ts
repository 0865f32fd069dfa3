import { describe, expect, it } from "vitest";
import { imageNamed } from "../../tests/records.ts";
import { DEFAULT_BANNED } from "../presets/banned_words.ts";
import { columnsOf } from "./columns.ts";
import { tableOf, toClipboard, toCsv, type SheetSource } from "./export.ts";
import type { BatchRow } from "./records.ts";
import { newRow } from "./store.ts";

const row = (n: number, change: Partial<BatchRow>): BatchRow => ({ ...newRow("b", imageNamed(`p${n}`), n), ...change });
const source = (rows: BatchRow[], more: Partial<SheetSource> = {}): SheetSource => ({
  title: "t",
  rows,
  columns: columnsOf({ use: null }),
  headings: { number: "#", picture: "图片", name: "文件名", answer: "结果", banned: "违禁词", problem: "问题" },
  bannedWords: null,
  problemText: () => "坏了",
  ...more,
});

describe("the table that leaves the page", () => {
  it("holds what the reader made of the answers", () => {
    const rows = [row(0, { status: "done", answer: "一" }), row(1, { status: "done", answer: "二", edits: { answer: "贰" } })];
    expect(tableOf(source(rows)).rows).toEqual([
      ["p0.png", "一"],
      ["p1.png", "贰"],
    ]);
  });

  it("has columns for problems and banned words only where there are some", () => {
    const rows = [row(0, { status: "done", answer: "最好的、顶级的杯" }), row(1, { status: "error" })];
    const table = tableOf(source(rows, { bannedWords: DEFAULT_BANNED }));
    expect(table.headers.map((header) => header.text)).toEqual(["文件名", "结果", "违禁词", "问题"]);
    expect(table.rows).toEqual([
      ["p0.png", "最好的、顶级的杯", "最好 顶级", ""],
      ["p1.png", "", "", "坏了"],
    ]);
    expect(tableOf(source(rows.slice(0, 1))).headers).toHaveLength(2);
  });

  it("is CSV that a spreadsheet opens as UTF-8 and without formulas", async () => {
    const bytes = new Uint8Array(await toCsv(source([row(0, { status: "done", answer: '=1+1, "x"\n二' })])).arrayBuffer());
    expect([...bytes.subarray(0, 3)]).toEqual([0xef, 0xbb, 0xbf]);
    expect(new TextDecoder().decode(bytes)).toBe('文件名,结果\r\np0.png,"\'=1+1, ""x""\n二"\r\n');
  });

  it("is cells on the clipboard, whatever stands in them", () => {
    const { text, html } = toClipboard(source([row(0, { status: "done", answer: 'a\t"b"\n<c>' })]));
    expect(text).toBe('文件名\t结果\np0.png\t"a\t""b""\n<c>"');
    expect(html).toContain('<td>a\t"b"<br>&lt;c&gt;</td>');
  });
});
