import { describe, expect, it } from "vitest";
import { parseWhole } from "./blocks.ts";

const html = (text: string) =>
  parseWhole(text)
    .map((block) => block.html)
    .join("")
    .trim();
const formulas = (text: string) =>
  [...html(text).matchAll(/<code class="language-math-(inline|display)">([^]*?)<\/code>/g)].map((match) => [match[1], match[2]]);

describe("formulas", () => {
  it.each([
    ["质能方程 $E=mc^2$。", [["inline", "E=mc^2"]]],
    ["$a$，$b_1$和$c_{2}$", [["inline", "a"], ["inline", "b_1"], ["inline", "c_{2}"]]],
    ["so \\(x_1 * x_2 * x_3\\) holds", [["inline", "x_1 * x_2 * x_3"]]],
    ["so $$x^2$$ holds", [["display", "x^2"]]],
    ["\\[\n\\frac{a}{b}\n= c\n\\]", [["display", "\\frac{a}{b}\n= c"]]],
    ["文字\n$$\na_1 * b_1 * c\n$$\n文字", [["display", "a_1 * b_1 * c"]]],
    ["- 一\n\n  $$\n  x\n  $$\n- 二", [["display", "x"]]],
    ["$\\text{面积} = \\pi r^2$", [["inline", "\\text{面积} = \\pi r^2"]]],
    ["| $x$ | $y$ |\n| - | - |\n| 1 | 2 |", [["inline", "x"], ["inline", "y"]]],
    ["$a < b$", [["inline", "a &lt; b"]]],
    ["**$x$**", [["inline", "x"]]],
  ])("are found in %j", (text, found) => {
    expect(formulas(text)).toEqual(found);
  });

  it.each([
    "costs $5 and $10",
    "from $5 to $10.",
    "$5/$10, $5-$10, $5~$10",
    "US$5、HK$40 和 A$7",
    "售价$99，原价$199，省$100",
    "5$ oder 10$",
    "价格是 5$, 不是 10$。",
    "echo $HOME/$USER and $PATH:$HOME",
    "$ ls; $ cd",
    "原价$20（约¥140），现价$15",
    "`$x$` 与 `\\(y\\)`",
    "\\$x\\$",
    "a $ b $ c",
    "$",
    "$$",
    "$$$$",
    "\\[未完",
    "$$ is a sign, and goes on",
    "```\n$x$\n```",
  ])("are not seen in %j", (text) => {
    expect(formulas(text)).toEqual([]);
  });

  it("leave brackets in Markdown links alone", () => {
    expect(html("[text](https://a.example/x)")).toContain('<a href="https://a.example/x">text</a>');
  });

  it("never swallow what follows an opening mark that is not closed", () => {
    expect(html("$$\nx\n\n**bold**")).toContain("<strong>bold</strong>");
  });

  it("take linear time on hostile text", () => {
    const startMs = performance.now();
    html("$a ".repeat(20_000));
    html("\\( ".repeat(20_000));
    html("$$x ".repeat(20_000));
    expect(performance.now() - startMs).toBeLessThan(20_000);
  });
});
