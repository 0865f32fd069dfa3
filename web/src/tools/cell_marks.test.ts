// @vitest-environment jsdom
import { beforeEach, expect, test } from "vitest";
import { MarkLink } from "../boxes/link.svelte.ts";
import { cellMarks, lightCells, placeOf } from "./cell_marks.ts";

const structured = {
  tables: [
    {
      cells: [
        { row: 0, column: 0, row_span: 2, column_span: 1, bbox_2d: [0, 0, 10, 10] },
        { row: 0, column: 1, row_span: 1, column_span: 2, bbox_2d: [10, 0, 30, 10] },
        { row: 1, column: 1 },
        { row: 1, column: 2, bbox_2d: [20, 10, 30, 20] },
      ],
    },
    { cells: [{ row: 0, column: 0, bbox_2d: [0, 50, 10, 60] }] },
  ],
};

test("each place of a cell has the cell's mark, an empty cell has none", () => {
  const marks = cellMarks(structured, 4);
  expect([...marks]).toEqual([
    ["0/0/0", 0],
    ["0/1/0", 0],
    ["0/0/1", 1],
    ["0/0/2", 1],
    ["0/1/2", 2],
    ["1/0/0", 3],
  ]);
});

test("what is no such table, or has other marks too, lights nothing", () => {
  expect(cellMarks(structured, 5).size).toBe(0);
  for (const odd of [null, 3, [], { tables: 7 }, { tables: [null, { cells: [1, {}] }] }]) expect(cellMarks(odd, 0).size).toBe(0);
  const huge = { tables: [{ cells: [{ row: -1, column: 1e99, row_span: 1e9, column_span: 0.5, bbox_2d: [] }] }] };
  expect(cellMarks(huge, 1).size).toBe(1);
});

let node: HTMLElement;
const cell = (text: string) =>
  [...node.querySelectorAll<HTMLTableCellElement>("td, th")].find((each) => each.textContent === text) as HTMLTableCellElement;

beforeEach(() => {
  document.body.innerHTML = `<div id="node"><table><tr><th rowspan="2">a</th><th colspan="2">b</th></tr><tr><td></td><td>c</td></tr></table>
    <p>words</p><table><thead><tr><th><b>d</b></th></tr></thead></table></div>`;
  node = document.querySelector("#node") as HTMLElement;
});

test("a cell's place counts spans in", () => {
  expect(["a", "b", "c", "d"].map((text) => placeOf(cell(text)))).toEqual([
    [0, 0],
    [0, 1],
    [1, 2],
    [0, 0],
  ]);
});

test("pointing lights, leaving ends it, a click keeps", () => {
  const link = new MarkLink();
  lightCells(node, { marks: cellMarks(structured, 4), link });
  const send = (target: Element, type: string) => target.dispatchEvent(new Event(type, { bubbles: true }));
  send(cell("c"), "pointerover");
  expect(link.lit).toEqual([2]);
  send(node.querySelector("b") as Element, "pointerover");
  expect(link.lit).toEqual([3]);
  send(node.querySelector("p") as Element, "pointerover");
  expect(link.lit).toEqual([]);
  send(cell("b"), "click");
  node.dispatchEvent(new Event("pointerleave"));
  expect(link.lit).toEqual([1]);
});
