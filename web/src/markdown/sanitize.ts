import DOMPurify from "dompurify";
import { hostOf } from "./parser.ts";

/** What Markdown can make, and nothing else: no style, no picture, no form, no frame. */
export const ALLOWED_TAGS = [
  ..."p br hr h1 h2 h3 h4 h5 h6 strong em s code pre blockquote ul ol li a".split(" "),
  ..."table thead tbody tr th td".split(" "),
];
const ALLOWED_ATTR = ["href", "align", "start", "class", "title", "colspan", "rowspan"];
const SAFE_ADDRESS = /^(?:https?|mailto):/i;

/** Only the class that names a code block's language may come in from outside. */
const LANGUAGE_CLASS = /^language-[\w+#.-]{1,32}$/;

/** Make harmless nodes fit for the page: links say where they go, and no class is the page's own. */
export function tidy(root: ParentNode): void {
  for (const element of root.querySelectorAll("[class]")) {
    if (!LANGUAGE_CLASS.test(element.className)) element.removeAttribute("class");
  }
  for (const anchor of root.querySelectorAll("a")) {
    const href = anchor.getAttribute("href") ?? "";
    if (!SAFE_ADDRESS.test(href)) {
      anchor.replaceWith(...anchor.childNodes);
      continue;
    }
    anchor.target = "_blank";
    anchor.rel = "noopener noreferrer nofollow";
    anchor.referrerPolicy = "no-referrer";
    anchor.title = href;
    const host = hostOf(href);
    // A link says where it goes, whatever its text claims.
    if (host && !anchor.textContent.includes(host)) {
      const where = document.createElement("span");
      where.className = "md-host";
      where.textContent = ` (${host})`;
      anchor.append(where);
    }
  }
}

/** Stands around each text where several are sanitised in one go. Markdown makes none. */
const WRAPPER = "section";

type Purifier = ReturnType<typeof DOMPurify>;

/** The rules, for `tags`. */
export const purifierConfig = (tags: readonly string[]) => ({
  ALLOWED_TAGS: [...tags],
  ALLOWED_ATTR,
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  ADD_URI_SAFE_ATTR: ["align", "start", "colspan", "rowspan"], // or the rule for addresses below would be put to them too
  ALLOWED_URI_REGEXP: SAFE_ADDRESS,
  RETURN_DOM_FRAGMENT: true as const,
});

const HTML = "http://www.w3.org/1999/xhtml";
const NEITHER_TAG_NOR_TEXT = NodeFilter.SHOW_ALL & ~NodeFilter.SHOW_ELEMENT & ~NodeFilter.SHOW_TEXT;
const KEPT_ATTR = new Set(ALLOWED_ATTR);

function isHarmless(element: Element, tags: ReadonlySet<string>): boolean {
  if (element.namespaceURI !== HTML || !tags.has(element.localName)) return false;
  return element
    .getAttributeNames()
    .every((name) => KEPT_ATTR.has(name) && (name !== "href" || SAFE_ADDRESS.test(element.getAttribute(name) ?? "")));
}

/** Puts texts through DOMPurify where they need it. */
class Cleaner {
  readonly #tags: ReadonlySet<string>;
  /** One of our own, whose rules are read once and not with each call. */
  readonly #purifier: Purifier;
  /** Belongs to no window: nothing in it loads or runs. */
  readonly #holder = document.implementation.createHTMLDocument("").createElement("div");

  constructor(tags: readonly string[]) {
    this.#tags = new Set(tags);
    this.#purifier = DOMPurify(window);
    this.#purifier.setConfig(purifierConfig(tags));
  }

  clean(html: string): DocumentFragment {
    // For its type: the rules are set.
    return this.#harmless(html) ?? this.#purifier.sanitize(html, { RETURN_DOM_FRAGMENT: true });
  }

  /**
   * The nodes of `html` as they are, if DOMPurify would leave each of them alone: HTML elements of the tags
   * allowed, with none but the attributes allowed, and text. That is what Markdown makes, and to look takes
   * far less time than to purify, which was a third of all scripting. Null: something else is in it.
   */
  #harmless(html: string): DocumentFragment | null {
    const holder = this.#holder;
    holder.innerHTML = html;
    const nodes = document.createDocumentFragment();
    let harmless = document.createNodeIterator(holder, NEITHER_TAG_NOR_TEXT).nextNode() === null;
    for (const element of holder.querySelectorAll("*")) harmless &&= isHarmless(element, this.#tags);
    if (harmless) nodes.append(...holder.childNodes);
    holder.replaceChildren();
    return harmless ? nodes : null;
  }
}

let forOne: Cleaner | null = null;
let forSeveral: Cleaner | null = null;

/** Nodes that are safe to put on the page, out of HTML that a model had its hand in. */
export function sanitize(html: string): DocumentFragment {
  forOne ??= new Cleaner(ALLOWED_TAGS);
  const fragment = forOne.clean(html);
  tidy(fragment);
  return fragment;
}

/**
 * The same for several texts: one element for each, with its nodes inside. Much of what sanitising costs is
 * the making of a document to do it in, which is done once here.
 */
export function sanitizeAll(htmls: readonly string[]): DocumentFragment {
  forSeveral ??= new Cleaner([...ALLOWED_TAGS, WRAPPER]);
  const together = forSeveral.clean(htmls.map((html) => `<${WRAPPER}>${html}</${WRAPPER}>`).join(""));
  if (together.childElementCount === htmls.length && together.querySelectorAll(WRAPPER).length === htmls.length) {
    tidy(together);
    return together;
  }
  // One of the texts does not end where it should: each by itself.
  const apart = document.createDocumentFragment();
  for (const html of htmls) {
    const wrapper = document.createElement(WRAPPER);
    wrapper.append(sanitize(html));
    apart.append(wrapper);
  }
  return apart;
}
