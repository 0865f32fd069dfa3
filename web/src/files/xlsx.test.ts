// @vitest-environment node
import { describe, expect, it } from "vitest";
import { readZip } from "../../tests/read_zip.ts";
import { columnName } from "./column_name.ts";
import { sheetNames, SheetTooLarge, writeXlsx } from "./xlsx.ts";
import { cellText } from "./xml.ts";

const png = new Blob([new Uint8Array([0x89, 0x50, 0x4e, 0x47])], { type: "image/png" });

describe("columnName", () => {
  it("counts as spreadsheets do", () => {
    expect([0, 25, 26, 51, 701, 702, 16_383].map(columnName)).toEqual(["A", "Z", "AA", "AZ", "ZZ", "AAA", "XFD"]);
  });
});

describe("sheetNames", () => {
  it("makes names that Excel takes, each only once", () => {
    expect(sheetNames(["a/b:c", "", "'q'", "A B C", "图".repeat(40), "图".repeat(40)])).toEqual([
      "a b c",
      "Sheet",
      "q",
      "A B C (2)",
      "图".repeat(31),
      `${"图".repeat(27)} (2)`,
    ]);
  });
});

describe("cellText", () => {
  it("codes what XML cannot hold, and keeps what looks coded", () => {
    expect(cellText('a<b>&"c"\r\nd\u0001_x0041_')).toBe("a&lt;b&gt;&amp;&quot;c&quot;\nd_x0001__x005F_x0041_");
  });
});

describe("writeXlsx", () => {
  it("writes numbers as numbers, text as text, nothing for nothing", async () => {
    const blob = await writeXlsx([
      {
        name: "一",
        columns: [
          { header: "品名", widthChars: 20 },
          { header: "价", widthChars: 8 },
        ],
        rows: [
          ["保温杯", 12.5],
          ["=1+1", "007"],
          [null, Number.NaN],
        ],
      },
    ]);
    const files = await readZip(blob);
    const sheet = files.get("xl/worksheets/sheet1.xml")?.text ?? "";
    expect(sheet).toContain('<c r="B2" s="3"><v>12.5</v></c>');
    expect(sheet).toContain('<c r="A3" s="4" t="inlineStr"><is><t xml:space="preserve">=1+1</t></is></c>');
    expect(sheet).toContain('<c r="B3" s="1" t="inlineStr"><is><t xml:space="preserve">007</t></is></c>');
    expect(sheet).not.toContain('r="A4"');
    expect(sheet).toContain('<col min="1" max="1" width="20" customWidth="1"/>');
    expect(sheet).not.toContain("<drawing");
    expect(files.get("xl/workbook.xml")?.text).toContain('<sheet name="一" sheetId="1" r:id="rId1"/>');
  });

  it("places pictures: one file for each, rows as high as they are, relations that lead to them", async () => {
    const image = { image: png, widthPx: 80, heightPx: 60 };
    const files = await readZip(
      await writeXlsx([
        { name: "none", columns: [{ header: "a", widthChars: 5 }], rows: [["x"]] },
        { name: "some", columns: [{ header: "", widthChars: 5 }], rows: [[image], [image]] },
      ]),
    );
    expect([...files.keys()].filter((name) => name.startsWith("xl/media/"))).toEqual(["xl/media/image1.png"]);
    const sheet = files.get("xl/worksheets/sheet2.xml")?.text ?? "";
    expect(sheet).toContain('<row r="2" ht="49.5" customHeight="1"></row>');
    expect(sheet).toContain('width="12.29"');
    expect(sheet).toContain('<drawing r:id="rId1"/>');
    expect(files.get("xl/drawings/_rels/drawing2.xml.rels")?.text).toContain('Target="../media/image1.png"');
    expect(files.get("xl/drawings/drawing2.xml")?.text.match(/oneCellAnchor>/g)).toHaveLength(4);
    expect(files.get("[Content_Types].xml")?.text).toContain('Extension="png"');
  });

  it("says how much of a text did not fit into its cell", async () => {
    const files = await readZip(
      await writeXlsx([{ name: "a", columns: [{ header: "a", widthChars: 5 }], rows: [["字".repeat(40_000)]] }]),
    );
    const text = /preserve">(字[^<]*)</.exec(files.get("xl/worksheets/sheet1.xml")?.text ?? "")?.[1] ?? "";
    expect(text.length).toBeLessThanOrEqual(32_767);
    expect(text).toMatch(/字 … \[\+7253\]$/);
  });

  it("refuses more columns than a sheet has", async () => {
    const wide = { name: "a", columns: [], rows: [new Array<string>(16_385).fill("x")] };
    await expect(writeXlsx([wide])).rejects.toThrow(SheetTooLarge);
  });
});
