import DOMPurify from "dompurify";
import { hostOf } from "./parser.ts";

/** What Markdown can make, and nothing else: no style, no picture, no form, no frame. */
const ALLOWED_TAGS = [
  ..."p br hr h1 h2 h3 h4 h5 h6 strong em s code pre blockquote ul ol li a".split(" "),
  ..."table thead tbody tr th td".split(" "),
];
const ALLOWED_ATTR = ["href", "align", "start", "class", "title", "colspan", "rowspan"];

/** Only the class that names a code block's language may come in from outside. */
const LANGUAGE_CLASS = /^language-[\w+#.-]{1,32}$/;

function tidy(root: DocumentFragment): void {
  for (const element of root.querySelectorAll("[class]")) {
    if (!LANGUAGE_CLASS.test(element.className)) element.removeAttribute("class");
  }
  for (const anchor of root.querySelectorAll("a")) {
    const href = anchor.getAttribute("href") ?? "";
    if (!/^(https?:|mailto:)/i.test(href)) {
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

/** One of our own, whose rules are read once and not with each call. */
function makePurifier(tags: string[]): Purifier {
  const purifier = DOMPurify(window);
  purifier.setConfig({
    ALLOWED_TAGS: tags,
    ALLOWED_ATTR,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    ADD_URI_SAFE_ATTR: ["align", "start", "colspan", "rowspan"], // or the rule for addresses below would be put to them too
    ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
    RETURN_DOM_FRAGMENT: true,
  });
  return purifier;
}

let forOne: Purifier | null = null;
let forSeveral: Purifier | null = null;

function purify(purifier: Purifier, html: string): DocumentFragment {
  return purifier.sanitize(html, { RETURN_DOM_FRAGMENT: true }); // for its type: the rules are set
}

/** Nodes that are safe to put on the page, out of HTML that a model had its hand in. */
export function sanitize(html: string): DocumentFragment {
  forOne ??= makePurifier(ALLOWED_TAGS);
  const fragment = purify(forOne, html);
  tidy(fragment);
  return fragment;
}

/**
 * The same for several texts: one element for each, with its nodes inside. Much of what sanitising costs is
 * the making of a document to do it in, which is done once here.
 */
export function sanitizeAll(htmls: readonly string[]): DocumentFragment {
  forSeveral ??= makePurifier([...ALLOWED_TAGS, WRAPPER]);
  const together = purify(forSeveral, htmls.map((html) => `<${WRAPPER}>${html}</${WRAPPER}>`).join(""));
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
