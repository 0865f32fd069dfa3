// @vitest-environment node
import { describe, expect, it } from "vitest";
import { csvText, looksLikeFormula, writeCsv } from "./csv.ts";

describe("csvText", () => {
  it("quotes what RFC 4180 says, and ends each line with CRLF", () => {
    const rows = [
      ["品名", 'a"b', "x,y", "two\nlines", " padded", null, -1.5],
      ["", "plain", "", "", "", "", 0],
    ];
    expect(csvText(rows, false)).toBe('品名,"a""b","x,y","two\nlines"," padded",,-1.5\r\n,plain,,,,,0\r\n');
  });

  it("disarms formulas where asked, and leaves numbers alone", () => {
    const row = ["=1+1", "@SUM(A1)", "+86 10", "-3.5", "-12%", "－全角", "a=b", "\tx"];
    expect(csvText([row], true)).toBe("'=1+1,'@SUM(A1),'+86 10,-3.5,-12%,'－全角,a=b,'\tx\r\n");
    expect(csvText([["=1+1"]], false)).toBe("=1+1\r\n");
    expect(looksLikeFormula("-1+cmd|' /C calc'!A0")).toBe(true);
  });
});

describe("writeCsv", () => {
  it("begins with the byte order mark only where asked", async () => {
    const head = async (bom: boolean) =>
      [...new Uint8Array(await writeCsv([["a"]], { bom, guardFormulas: false }).arrayBuffer())].slice(0, 3);
    expect(await head(true)).toEqual([0xef, 0xbb, 0xbf]);
    expect(await head(false)).toEqual([0x61, 0x0d, 0x0a]);
  });
});
