// @vitest-environment jsdom
import { beforeEach, describe, expect, it } from "vitest";
import { BlockView } from "./block_view.ts";
import { parseWhole, type Block } from "./blocks.ts";
import { sanitize, sanitizeAll } from "./sanitize.ts";

const TEXTS = { copyCode: "copy", copyTable: "copy", openTable: "open", diagram: "diagram", source: "source" };

let root: HTMLElement;
let view: BlockView;
beforeEach(() => {
  root = document.createElement("div");
  view = new BlockView(root, TEXTS);
});

const block = (start: number, text: string): Block => ({ start, html: `<p>${text}</p>` });
const shown = () => [...root.children].map((element) => element.textContent);

describe("BlockView", () => {
  it("shows blocks in their order, those in between and those that are gone, too", () => {
    const [a, b, c, d] = [block(0, "a"), block(5, "b"), block(7, "c"), block(9, "d")] as const;
    view.show([a, c], false);
    expect(shown()).toEqual(["a", "c"]);
    view.show([a, b, c, d], false);
    expect(shown()).toEqual(["a", "b", "c", "d"]);
    view.show([b, d], false);
    expect(shown()).toEqual(["b", "d"]);
    view.show([], false);
    expect(shown()).toEqual([]);
  });

  it("does not touch the nodes of a block that is the same object: a selection in it stays", () => {
    const [a, b] = [block(0, "a"), block(5, "b")];
    view.show([a, b], false);
    const text = root.firstElementChild?.firstElementChild?.firstChild;
    view.show([a, block(5, "b longer"), block(9, "c")], true);
    expect(root.firstElementChild?.firstElementChild?.firstChild).toBe(text);
    expect(shown()).toEqual(["a", "b longer", "c"]);
  });

  it("fills a block that changed in the element that it has", () => {
    view.show([block(0, "a")], false);
    const element = root.firstElementChild;
    view.show([block(0, "a b")], false);
    expect(root.firstElementChild).toBe(element);
    expect(shown()).toEqual(["a b"]);
  });

  it("gives code and tables their bars", () => {
    view.show(parseWhole("```js\nlet a;\n```\n\n| a | b |\n| --- | --- |\n| 1 | 2 |"), false);
    expect(root.querySelectorAll(".md-box.md-code .md-copy")).toHaveLength(1);
    expect(root.querySelectorAll(".md-box.md-table .md-copy")).toHaveLength(1);
  });
});

describe("sanitizeAll", () => {
  const htmlOf = (fragment: DocumentFragment) => {
    const holder = document.createElement("div");
    holder.append(fragment);
    return holder.innerHTML;
  };
  const apart = (htmls: string[]) => htmls.map((html) => htmlOf(sanitize(html)));
  const together = (htmls: string[]) => [...sanitizeAll(htmls).children].map((element) => element.innerHTML);

  it.each([
    ["blocks as Markdown makes them", ["<p>a</p>\n", "<table><tr><td>1</td></tr></table>\n", "<ul><li>x</li></ul>"]],
    ["what is forbidden", ["<p onclick=x>a</p>", "<img src=x onerror=alert(1)>b", '<a href="javascript:x">c</a>', "<script>d</script>"]],
    ["what is not closed", ["<p>a", "<b>b</b><table><tr><td>1", "<p>c</p>"]],
    ["what closes too much", ["<p>a</p></section><section>", "<p>b</p>", "</section></section>c"]],
    ["wrappers of their own", ["<section><p>a</p></section>", "<p>b</p>"]],
    ["comments and open tags", ["<p>a</p><!--", "<p>b</p>", '<p title="', "<p>c</p>"]],
    ["nothing", []],
  ])("gives each text what it gets by itself: %s", (_name, htmls) => {
    expect(together(htmls)).toEqual(apart(htmls));
  });
});
