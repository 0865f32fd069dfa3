import DOMPurify from "dompurify";
import hljs from "highlight.js/lib/common";
import "./highlight.css";

const ALIASES: Record<string, string> = { vue: "xml", svelte: "xml", jsonc: "json", console: "shell", text: "plaintext" };

/** Colour a listing by the language that it names. The characters stay the same. */
export function highlight(code: HTMLElement): void {
  const named = /^language-(\S+)$/.exec(code.className)?.[1]?.toLowerCase() ?? "";
  const language = ALIASES[named] ?? named;
  if (!hljs.getLanguage(language)) return;
  const source = code.textContent;
  const html = hljs.highlight(source, { language, ignoreIllegals: true }).value;
  const nodes = DOMPurify.sanitize(html, { ALLOWED_TAGS: ["span"], ALLOWED_ATTR: ["class"], RETURN_DOM_FRAGMENT: true });
  if (nodes.textContent === source) code.replaceChildren(nodes);
}
