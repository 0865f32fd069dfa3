// The tables of a page that `selector` finds and that lie within `clip` (x, y, width, height; CSS pixels), as truth:
// every cell with its spans, the text as it is drawn, and its box in pixels of the picture (`scale` for each CSS pixel).
([selector, clip, scale]) => {
  const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const inside = (box) =>
    box.left + scrollX >= clip.x - 1 && box.right + scrollX <= clip.x + clip.width + 1 &&
    box.top + scrollY >= clip.y - 1 && box.bottom + scrollY <= clip.y + clip.height + 1;
  const told = (cell) => {
    const box = cell.getBoundingClientRect();
    const place = [box.left + scrollX - clip.x, box.top + scrollY - clip.y, box.right + scrollX - clip.x, box.bottom + scrollY - clip.y];
    const spans = ["rowSpan", "colSpan"].map((name) => (cell[name] > 1 ? ` ${name.toLowerCase()}="${cell[name]}"` : "")).join("");
    return `<td${spans} data-box="${place.map((at) => Math.round(at * scale)).join(" ")}">${escaped(cell.innerText.replace(/\s+/g, " ").trim())}</td>`;
  };
  return [...document.querySelectorAll(selector)]
    .filter((table) => inside(table.getBoundingClientRect()))
    .map((table) => ["<table>", ...[...table.rows].map((row) => `<tr>${[...row.cells].map(told).join("")}</tr>`), "</table>"].join("\n"))
    .join("\n") + "\n";
}
