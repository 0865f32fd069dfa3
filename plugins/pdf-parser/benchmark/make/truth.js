() => {
  // Visible text in the order of the document, block by block, and every table as rows of cells.
  const blocks = [];
  const tables = [];
  const shown = (node) => {
    const style = getComputedStyle(node);
    return style.display !== "none" && style.visibility !== "hidden";
  };
  const plain = (node) => node.innerText.replace(/\s+/g, " ").trim();
  const grid = (table) => {
    const cells = [];
    const taken = new Set();
    [...table.rows].filter(shown).forEach((row, y) => {
      let x = 0;
      for (const cell of row.cells) {
        while (taken.has(`${y},${x}`)) x += 1;
        for (let i = 0; i < cell.rowSpan; i += 1)
          for (let k = 0; k < cell.colSpan; k += 1) taken.add(`${y + i},${x + k}`);
        cells.push({ row: y, column: x, row_span: cell.rowSpan, column_span: cell.colSpan, text: plain(cell) });
        x += cell.colSpan;
      }
    });
    return cells;
  };
  const inner = (node) => [...node.children].some((child) => {
    const display = getComputedStyle(child).display;
    return !display.startsWith("inline") && display !== "none" || inner(child);
  });
  const walk = (node) => {
    if (node.nodeType === Node.TEXT_NODE) {
      const text = node.data.replace(/\s+/g, " ").trim();
      if (text) blocks.push(text);
      return;
    }
    if (node.nodeType !== Node.ELEMENT_NODE || !shown(node)) return;
    if (node.tagName === "TABLE" && !node.querySelector("table, pre") && node.rows.length > 1) {
      const cells = grid(node);
      if (cells.length > 3 && cells.some((cell) => cell.column > 0)) tables.push(cells);
      blocks.push(...[node.caption, ...[...node.rows].flatMap((row) => [...row.cells])].filter(Boolean).map(plain));
      return;
    }
    if (!inner(node)) {
      const text = plain(node);
      if (text) blocks.push(text);
      return;
    }
    // Text beside blocks: what is inline in between belongs together.
    let run = "";
    const flush = () => {
      const text = run.replace(/\s+/g, " ").trim();
      if (text) blocks.push(text);
      run = "";
    };
    for (const child of node.childNodes) {
      const inline = child.nodeType === Node.TEXT_NODE
        || (child.nodeType === Node.ELEMENT_NODE && getComputedStyle(child).display.startsWith("inline") && !inner(child));
      if (inline) run += child.nodeType === Node.TEXT_NODE ? child.data : shown(child) ? child.innerText : "";
      else { flush(); walk(child); }
    }
    flush();
  };
  walk(document.body);
  return { text: blocks.join("\n"), tables };
}
