import { describe, expect, it } from "vitest";
import { imageNamed } from "../../tests/records.ts";
import type { PresetField } from "../presets/records.ts";
import { answerCells, cellOf, columnsOf, withEdit } from "./columns.ts";
import { newRow } from "./store.ts";

const field = (id: string, label: string): PresetField => ({ id, label, aliases: [], max: null, unit: "chars" });
const use = { fields: [field("name", "名称"), field("price", "价格")] } as NonNullable<Parameters<typeof columnsOf>[0]["use"]>;
const columns = columnsOf({ use });
const [name, price] = columns as [(typeof columns)[0], (typeof columns)[0]];
const row = { ...newRow("b", imageNamed("p"), 0), status: "done" as const, answer: '{"名称": "杯", "价格": "¥5"}' };

describe("columns", () => {
  it("are the preset's fields, or one for the answer", () => {
    expect(columns.map((column) => column.label)).toEqual(["名称", "价格"]);
    expect(columnsOf({ use: null })).toEqual([{ id: "answer", label: null, field: null }]);
  });

  it("get an answer without fields whole, in the first of them", () => {
    expect(answerCells("看不清。", columns)).toEqual({ name: "看不清。" });
    expect(answerCells(" a ", columnsOf({ use: null }))).toEqual({ answer: "a" });
  });
});

describe("cells", () => {
  it("hold what the model wrote until the reader changes it, and both then", () => {
    expect(cellOf(row, price, columns)).toEqual({ text: "¥5", original: null });
    const edited = { ...row, edits: withEdit(row, price, columns, "¥6") };
    expect(cellOf(edited, price, columns)).toEqual({ text: "¥6", original: "¥5" });
    expect(cellOf(edited, name, columns)).toEqual({ text: "杯", original: null });
    expect(withEdit(edited, price, columns, "¥5")).toEqual({});
    expect(withEdit(edited, name, columns, "")).toEqual({ price: "¥6", name: "" });
  });

  it("hold what has come of an answer that grows", () => {
    expect(cellOf({ ...row, answer: "" }, name, columns, '{"名称": "星')).toEqual({ text: "星", original: null });
    expect(cellOf({ ...row, answer: "" }, price, columns)).toEqual({ text: "", original: null });
  });
});
