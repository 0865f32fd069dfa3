// @vitest-environment node
import { describe, expect, it } from "vitest";
import { Grid } from "./grid.svelte.ts";
import { gridKey } from "./keys.ts";

const CELLS = [
  ["品名", "价"],
  ["a", "1"],
  ["b", "2"],
];

function setUp() {
  const changes: unknown[] = [];
  const grid = new Grid(CELLS, (cells) => changes.push(cells));
  const press = (key: string, more: Partial<KeyboardEvent> = {}) =>
    gridKey(grid, { key, shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, ...more });
  return { grid, changes, press };
}

describe("keys of a grid", () => {
  it("move, stop at the edges, and extend with Shift", () => {
    const { grid, press } = setUp();
    press("ArrowUp");
    press("ArrowDown");
    press("ArrowRight");
    press("ArrowRight");
    expect(grid.range.focus).toEqual({ row: 1, column: 1 });
    press("ArrowDown", { shiftKey: true });
    press("ArrowLeft", { shiftKey: true });
    expect(grid.selected()).toEqual([
      ["a", "1"],
      ["b", "2"],
    ]);
    press("a", { ctrlKey: true });
    expect(grid.selected()).toEqual(CELLS);
    press("End", { ctrlKey: true });
    expect(grid.range.focus).toEqual({ row: 2, column: 1 });
  });

  it("Tab goes in reading order and leaves the grid at its ends", () => {
    const { grid, press } = setUp();
    expect(press("Tab", { shiftKey: true })).toBe(false);
    press("Tab");
    press("Tab");
    expect(grid.range.focus).toEqual({ row: 1, column: 0 });
    grid.select({ row: 2, column: 1 });
    expect(press("Tab")).toBe(false);
  });

  it("Enter and F2 edit what is there, Enter takes it, Escape does not", () => {
    const { grid, changes, press } = setUp();
    press("ArrowDown");
    press("F2");
    expect(grid.typing).toEqual({ text: "a", quick: false });
    expect(press("ArrowLeft")).toBe(false); // within the text
    grid.type("甲", false);
    press("Escape");
    expect(grid.cells).toEqual(CELLS);
    press("Enter");
    grid.type("甲", false);
    press("Enter");
    expect(grid.cells[1]).toEqual(["甲", "1"]);
    expect(grid.range.focus).toEqual({ row: 2, column: 0 });
    expect(changes).toHaveLength(1);
  });

  it("arrow keys leave a cell that typing began; Delete empties; undo and redo lead back and forth", () => {
    const { grid, press } = setUp();
    grid.type("x", true);
    press("ArrowRight");
    expect(grid.cells[0]).toEqual(["x", "价"]);
    press("Delete");
    expect(grid.cells[0]).toEqual(["x", ""]);
    press("z", { ctrlKey: true });
    press("z", { ctrlKey: true });
    expect(grid.cells).toEqual(CELLS);
    press("y", { ctrlKey: true });
    press("z", { ctrlKey: true, shiftKey: true });
    expect(grid.cells[0]).toEqual(["x", ""]);
    expect(grid.canRedo).toBe(false);
  });
});

describe("Grid", () => {
  it("spreads pasted cells and selects them; one cell fills what is selected", () => {
    const { grid } = setUp();
    grid.select({ row: 2, column: 1 });
    expect(grid.paste([["9", "x"], ["y"]])).toBe(0);
    expect(grid.cells).toEqual([
      ["品名", "价", ""],
      ["a", "1", ""],
      ["b", "9", "x"],
      ["", "y", ""],
    ]);
    expect(grid.area).toEqual({ top: 2, left: 1, bottom: 3, right: 2 });
    grid.paste([["0"]]);
    expect(grid.cells[3]).toEqual(["", "0", "0"]);
    grid.undo();
    grid.undo();
    expect(grid.cells).toEqual(CELLS);
    expect(grid.range.focus.row).toBeLessThan(3);
  });

  it("adds below and to the right, removes what is selected, and stays inside", () => {
    const { grid } = setUp();
    grid.addRow();
    expect(grid.range.focus).toEqual({ row: 1, column: 0 });
    grid.addColumn();
    expect(grid.cells[0]).toEqual(["品名", "", "价"]);
    grid.selectAll();
    grid.removeRows();
    expect(grid.cells).toEqual([["", "", ""]]);
    expect(grid.range.focus).toEqual({ row: 0, column: 0 });
    grid.undo();
    grid.removeColumns();
    expect(grid.width).toBe(1);
  });

  it("makes no step of a change that changes nothing", () => {
    const { grid, changes } = setUp();
    grid.type("品名", false);
    grid.commit();
    expect(grid.canUndo).toBe(false);
    expect(changes).toEqual([]);
  });
});
