// @vitest-environment node
import { describe, expect, it } from "vitest";
import { parseWhole } from "./blocks.ts";
import { plainTable } from "./html_table.ts";

const html = (text: string) => parseWhole(text).map((block) => block.html);

describe("tables as HTML", () => {
  it("become tables, in one block, blank lines and all", () => {
    const source = "前\n<table>\n<tr><td rowspan='2'>a</td>\n\n<td>b &amp; c</td></tr>\n</table>\n后";
    const blocks = html(source);
    expect(blocks).toHaveLength(3);
    expect(blocks[1]?.replace(/\s/g, "")).toBe('<table><tr><tdrowspan="2">a</td><td>b&amp;c</td></tr></table>');
    expect(blocks[2]).toContain("后");
  });

  it("are shown while they are written", () => {
    expect(html("<table><tr><td>a</td><td>b")[0]).toBe("<table><tr><td>a</td><td>b");
    expect(html("<table><tr><td>a</td><t")[0]).toBe("<table><tr><td>a</td>");
  });

  it("bring nothing along but cells and text", () => {
    expect(plainTable('<table onclick="x()" style="a"><tr><td colspan=3 onmouseover=x>1</td></tr></table>')).toBe(
      '<table><tr><td colspan="3">1</td></tr></table>',
    );
    expect(plainTable("<table><td><img src=x onerror=alert(1)><b>b</b><br/>c<script>alert(1)</script></td></table>")).toBe(
      "<table><td>b<br>c</td></table>",
    );
    expect(plainTable('<table><td title="a>b<svg onload=x">1 < 2</td><!-- <td> -->')).not.toMatch(/<(?!\/?(table|td|br)>)/);
    expect(plainTable("<table><td colspan=99999 rowspan=0>a")).toBe('<table><td colspan="100">a');
    expect(plainTable("<table><sty<style>le>p{}</style>x")).not.toMatch(/<style/);
    expect(plainTable("<table><scr<script></script>ipt>alert(1)</script>")).not.toMatch(/<script/);
  });

  it("are nothing else: other HTML stays text, and so does a table in code", () => {
    expect(html("<div><b>x</b></div>")[0]).toContain("&lt;div&gt;");
    expect(html("文字 <table><tr>")[0]).toContain("&lt;table&gt;");
    expect(html("```html\n<table></table>\n```")[0]).toContain("&lt;table&gt;");
    expect(html("    <table></table>")[0]).toContain("<pre>");
    expect(html("<tablet>x")[0]).toContain("&lt;tablet&gt;");
  });
});
