import type { Grid } from "./grid.svelte.ts";

const ARROWS: Record<string, readonly [rows: number, columns: number]> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};
const PAGE_ROWS = 10;

type Key = Pick<KeyboardEvent, "key" | "shiftKey" | "ctrlKey" | "metaKey" | "altKey">;

/** Keys while text is being typed into a cell. True: taken. */
function typingKey(grid: Grid, event: Key, quick: boolean): boolean {
  const arrow = ARROWS[event.key];
  if (event.key === "Escape") grid.cancel();
  else if (event.key === "Enter" && !event.altKey && !event.ctrlKey) {
    grid.commit();
    grid.move(event.shiftKey ? -1 : 1, 0);
  } else if (event.key === "Tab") {
    grid.commit();
    grid.tab(event.shiftKey ? -1 : 1);
  } else if (event.key === "F2") grid.type(grid.typing?.text ?? "", !quick);
  else if (quick && arrow) {
    grid.commit();
    grid.move(...arrow);
  } else return false;
  return true;
}

function commandKey(grid: Grid, event: Key): boolean {
  const { row, column } = grid.range.focus;
  switch (event.key.toLowerCase()) {
    case "a":
      grid.selectAll();
      break;
    case "z":
      if (event.shiftKey) grid.redo();
      else grid.undo();
      break;
    case "y":
      grid.redo();
      break;
    case "home":
      grid.select({ row: 0, column: 0 }, event.shiftKey);
      break;
    case "end":
      grid.select({ row: grid.height - 1, column: grid.width - 1 }, event.shiftKey);
      break;
    case "arrowup":
      grid.select({ row: 0, column }, event.shiftKey);
      break;
    case "arrowdown":
      grid.select({ row: grid.height - 1, column }, event.shiftKey);
      break;
    case "arrowleft":
      grid.select({ row, column: 0 }, event.shiftKey);
      break;
    case "arrowright":
      grid.select({ row, column: grid.width - 1 }, event.shiftKey);
      break;
    default:
      return false;
  }
  return true;
}

/** What a key does to a grid, as spreadsheets have it. True: the key was taken. */
export function gridKey(grid: Grid, event: Key): boolean {
  if (grid.typing) return typingKey(grid, event, grid.typing.quick);
  if (event.ctrlKey || event.metaKey) return commandKey(grid, event);
  if (event.altKey) return false;
  const { focus } = grid.range;
  const arrow = ARROWS[event.key];
  if (arrow) grid.move(...arrow, event.shiftKey);
  else if (event.key === "Tab") return grid.tab(event.shiftKey ? -1 : 1);
  else if (event.key === "Enter" || event.key === "F2") grid.type(grid.text(focus), false);
  else if (event.key === "Delete" || event.key === "Backspace") grid.clear();
  else if (event.key === "Home") grid.select({ ...focus, column: 0 }, event.shiftKey);
  else if (event.key === "End") grid.select({ ...focus, column: grid.width - 1 }, event.shiftKey);
  else if (event.key === "PageDown") grid.move(PAGE_ROWS, 0, event.shiftKey);
  else if (event.key === "PageUp") grid.move(-PAGE_ROWS, 0, event.shiftKey);
  else return false;
  return true;
}
