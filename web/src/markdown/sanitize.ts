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

/** Nodes that are safe to put on the page, out of HTML that a model had its hand in. */
export function sanitize(html: string): DocumentFragment {
  const fragment = DOMPurify.sanitize(html, {
    ALLOWED_TAGS,
    ALLOWED_ATTR,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    ADD_URI_SAFE_ATTR: ["align", "start", "colspan", "rowspan"], // or the rule for addresses below would be put to them too
    ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
    RETURN_DOM_FRAGMENT: true,
  });
  tidy(fragment);
  return fragment;
}
