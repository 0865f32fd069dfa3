// @vitest-environment jsdom
import DOMPurify from "dompurify";
import { describe, expect, it } from "vitest";
import { parseWhole } from "./blocks.ts";
import { ALLOWED_TAGS, purifierConfig, sanitize, tidy } from "./sanitize.ts";

const htmlOf = (text: string) =>
  parseWhole(text)
    .map((block) => block.html)
    .join("");

function nodesOf(text: string): HTMLElement {
  const root = document.createElement("div");
  for (const block of parseWhole(text)) root.append(sanitize(block.html));
  return root;
}

describe("Chinese emphasis", () => {
  // Each of these shows literal stars in a parser that knows CommonMark's rule for spaces only.
  it.each([
    ["**重点：**文字", "<strong>重点：</strong>文字"],
    ["这是**“引号”**后面", "这是<strong>“引号”</strong>后面"],
    ["**价格（¥59.90）**比较高", "<strong>价格（¥59.90）</strong>比较高"],
    ["请看**表格。**然后", "请看<strong>表格。</strong>然后"],
    ["**図1**と**図2。**です", "<strong>図1</strong>と<strong>図2。</strong>です"],
    ["*注意！*小心", "<em>注意！</em>小心"],
    ["~~旧价：~~新价", "<s>旧价：</s>新价"],
  ])("%s", (source, expected) => {
    expect(htmlOf(source).trim()).toBe(`<p>${expected}</p>`);
  });
});

describe("links", () => {
  const linkOf = (text: string) => {
    const anchor = nodesOf(text).querySelector("a");
    if (!anchor) throw new Error(`no link in ${text}`);
    return anchor;
  };

  it("say where they go and take nothing along", () => {
    const anchor = linkOf("[银行](https://evil.example/login)");
    expect(anchor.textContent).toBe("银行 (evil.example)");
    expect(anchor.target).toBe("_blank");
    expect(anchor.rel).toBe("noopener noreferrer nofollow");
    expect(anchor.title).toBe("https://evil.example/login");
  });

  it("do not repeat a host that stands there", () => {
    expect(linkOf("https://example.com/a").textContent).toBe("https://example.com/a");
  });

  it("show a look-alike host as what it is", () => {
    expect(linkOf("[apple.com](https://аpple.com/)").textContent).toContain("xn--");
  });

  it.each([
    ["见https://example.com/a。下一句", "https://example.com/a"],
    ["（https://example.com/b）", "https://example.com/b"],
    ["(https://en.wikipedia.org/wiki/Eye_(disambiguation)).", "https://en.wikipedia.org/wiki/Eye_(disambiguation)"],
    ["https://example.com/c, then", "https://example.com/c"],
    ["看http://127.0.0.1:8000/?a=1&b=2图", "http://127.0.0.1:8000/?a=1&b=2"],
  ])("end where the address ends: %s", (text, href) => {
    expect(linkOf(text).getAttribute("href")).toBe(href);
  });

  it("are made of pictures, so that an answer loads nothing", () => {
    const root = nodesOf("![一只猫](https://tracker.example/p.png) ![x](data:image/png;base64,AAAA)");
    expect(root.querySelector("img")).toBeNull();
    expect(root.querySelectorAll("a")).toHaveLength(1);
    expect(root.querySelector("a")?.getAttribute("href")).toBe("https://tracker.example/p.png");
  });
});

describe("character references", () => {
  it("are decoded by the browser, unknown ones left alone", () => {
    expect(nodesOf("&copy; &yen;5 &nosuchname; &amp;lt; &#20320;").textContent.trim()).toBe("© ¥5 &nosuchname; &lt; 你");
  });
});

describe("tables", () => {
  it("are aligned without style attributes, which the policy forbids", () => {
    const html = htmlOf("| a | b |\n| :-: | --: |\n| 1 | 2 |");
    expect(html).not.toContain("style");
    const cells = nodesOf("| a | b |\n| :-: | --: |\n| 1 | 2 |").querySelectorAll("td");
    expect([...cells].map((cell) => cell.getAttribute("align"))).toEqual(["center", "right"]);
  });
});

describe("hostile answers", () => {
  const VECTORS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '<a href="javascript:alert(1)">x</a>',
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x](//evil.example/x)",
    "<javascript:alert(1)>",
    "<https://ok.example/\" onmouseover=\"alert(1)>",
    '[x](https://ok.example/"onmouseover="alert(1))',
    '[x](https://ok.example "t\\" onmouseover=\\"alert(1)")',
    "![x](javascript:alert(1))",
    '![x" onerror="alert(1)](https://e.example/a.png)',
    "```html\" onload=\"alert(1)\n<b>x</b>\n```",
    "```x\"><img src=x onerror=alert(1)>\nx\n```",
    "<svg><script>alert(1)</script></svg>",
    "<math><mtext></table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<iframe src=javascript:alert(1)>",
    "<style>@import 'https://evil.example/x.css'</style>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<form action=https://evil.example><input name=a><button>x</button></form>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "| <img src=x onerror=alert(1)> | b |\n| - | - |\n| [y](javascript:alert(1)) | `<script>` |",
    "&lt;img src=x onerror=alert(1)&gt;",
    "[ref]\n\n[ref]: javascript:alert(1)",
  ];

  /** What a safe answer can consist of. */
  const SAFE = new Set(
    "P BR HR H1 H2 H3 H4 H5 H6 STRONG EM S CODE PRE BLOCKQUOTE UL OL LI A TABLE THEAD TBODY TR TH TD SPAN".split(" "),
  );
  const SAFE_ATTRIBUTES = new Set(["href", "target", "rel", "title", "referrerpolicy", "class", "align", "start"]);

  const check = (root: ParentNode) => {
    for (const element of root.querySelectorAll("*")) {
      expect(SAFE).toContain(element.tagName);
      for (const { name } of element.attributes) expect(SAFE_ATTRIBUTES).toContain(name);
      const href = element.getAttribute("href");
      if (href !== null) expect(href).toMatch(/^(https?|mailto):/);
    }
  };

  it.each(VECTORS)("are harmless through the parser: %s", (vector) => {
    check(nodesOf(vector));
  });

  it.each(VECTORS)("are harmless for the sanitiser alone, should the parser ever let HTML through: %s", (vector) => {
    const root = document.createElement("div");
    root.append(sanitize(vector));
    check(root);
  });

  it.each([...VECTORS, "<p>a<!-- b --></p>", "<tr><td>x</td></tr>", '<a href=" https://ok.example">x</a>', "<p title=a&gt;b>x</p>"])(
    "are left by the sanitiser as DOMPurify leaves them: %s",
    (vector) => {
      const purified = document.createElement("div");
      purified.append(DOMPurify.sanitize(vector, purifierConfig(ALLOWED_TAGS)));
      tidy(purified);
      const root = document.createElement("div");
      root.append(sanitize(vector));
      expect(root.innerHTML).toBe(purified.innerHTML);
    },
  );

  it("cannot take on the page's own classes", () => {
    const root = document.createElement("div");
    root.append(sanitize('<p class="notice">x</p><code class="language-js extra">y</code><code class="language-js">z</code>'));
    expect([...root.querySelectorAll("[class]")].map((element) => element.className)).toEqual(["language-js"]);
  });
});
