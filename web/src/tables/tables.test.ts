// @vitest-environment jsdom
import { describe, expect, it } from "vitest";
import * as grid from "./cells.ts";
import { cellsOfTable, tableInSource } from "./from_html.ts";
import { cellNumber, cellValue, isDigitText } from "./numbers.ts";
import { parseTsv, toHtmlTable, toTsv } from "./tsv.ts";

const cells = [
  ["品名", "价"],
  ["a", "1"],
  ["b", "2"],
];

describe("tab-separated values", () => {
  it("come back as they went, with tabs, lines and quotes in cells", () => {
    const rows = [
      ["a\tb", "two\nlines", '"quoted"'],
      ['5" pipe', "", "x"],
    ];
    expect(parseTsv(toTsv(rows))).toEqual(rows);
  });

  it("are read as spreadsheets and people write them", () => {
    expect(parseTsv("a\tb\r\nc\td\r\n")).toEqual([
      ["a", "b"],
      ["c", "d"],
    ]);
    expect(parseTsv("a")).toEqual([["a"]]);
    expect(parseTsv("")).toEqual([[""]]);
    expect(parseTsv("\t\n")).toEqual([["", ""]]);
    expect(parseTsv('"open\tb')).toEqual([['"open', "b"]]);
  });

  it("have an HTML twin that keeps text as text", () => {
    expect(toHtmlTable([["<b>", "007"]], isDigitText)).toBe(
      `<table><tr><td>&lt;b&gt;</td><td style="mso-number-format:'\\@'">007</td></tr></table>`,
    );
  });
});

describe("cellNumber", () => {
  it("tells numbers from what only looks like one", () => {
    expect(["12", "-3.50", "1,234.5", "0.5", "−2", " 7 "].map(cellNumber)).toEqual([12, -3.5, 1234.5, 0.5, -2, 7]);
    const texts = ["007", "6901234567892", "1,23", "12 kg", "¥5", "50%", "", "1.2.3", "1e5", "2024-01-02", ".5"];
    expect(texts.map(cellNumber)).toEqual(texts.map(() => null));
    expect(["007", "6901234567892", "12", "a"].map(isDigitText)).toEqual([true, true, false, false]);
    expect(["", "x", "3"].map(cellValue)).toEqual([null, "x", 3]);
  });
});

describe("cells", () => {
  it("pastes over cells and grows", () => {
    const { cells: pasted, lost } = grid.paste(cells, { row: 2, column: 1 }, [["9", "x"], ["y"]]);
    expect(pasted).toEqual([
      ["品名", "价", ""],
      ["a", "1", ""],
      ["b", "9", "x"],
      ["", "y", ""],
    ]);
    expect(lost).toBe(0);
    const wide = [new Array<string>(150).fill("w")];
    expect(grid.paste(cells, { row: 0, column: 1 }, wide).lost).toBe(51);
  });

  it("adds and removes rows and columns, and keeps at least one cell", () => {
    expect(grid.insertRow(cells, 1)[1]).toEqual(["", ""]);
    expect(grid.insertColumn(cells, 1)[0]).toEqual(["品名", "", "价"]);
    const all = grid.areaOf({ anchor: { row: 2, column: 1 }, focus: { row: 0, column: 0 } });
    expect(grid.removeRows(cells, all)).toEqual([["", ""]]);
    expect(grid.removeColumns(cells, all)).toEqual([[""], [""], [""]]);
    expect(grid.removeRows(cells, { ...all, top: 1, bottom: 1 })).toEqual([cells[0], cells[2]]);
    expect(grid.cut(cells, { top: 1, left: 1, bottom: 2, right: 1 })).toEqual([["1"], ["2"]]);
    expect(cells[1]).toEqual(["a", "1"]); // nothing was changed in place
  });
});

describe("cellsOfTable", () => {
  const parse = (html: string) => cellsOfTable(tableInSource(html) as HTMLTableElement);

  it("reads a table with spans, breaks and rows of different length", () => {
    expect(
      parse(`<table><thead><tr><th colspan=2>标题</th><th>c</th></tr></thead>
        <tr><td rowspan="2">x<br>y</td><td> 1
          2 </td></tr><tr><td>3</td><td>4</td></tr></table>`),
    ).toEqual([
      ["标题", "", "c"],
      ["x\ny", "1 2", ""],
      ["", "3", "4"],
    ]);
  });

  it("survives spans that are out of all proportion", () => {
    const rows = parse("<table><tr><td colspan=99999 rowspan=99999>a</td></tr><tr><td>b</td></tr></table>");
    expect(rows).toHaveLength(2);
    expect(rows[0]?.length).toBeLessThanOrEqual(grid.MAX_COLUMNS + 1);
  });

  it("finds no table where there is none", () => {
    expect(tableInSource("<p>no</p>")).toBeNull();
  });
});
