import createMarkdownIt, { type MarkdownIt } from "markdown-it";
import cjkFriendly from "markdown-it-cjk-friendly";
import { htmlTables } from "./html_table.ts";
import { mathPlugin } from "./math.ts";

/** Link targets that an answer may have; everything else stays text. */
const SAFE_LINK = /^(https?:|mailto:)/i;

const escapeHtml = (text: string) =>
  text.replace(/[&<>"]/g, (char) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[char] as string);

/** The host that a link leads to, as people should see it (a look-alike name shows as xn--…). */
export function hostOf(url: string): string {
  try {
    return new URL(url).host;
  } catch {
    return "";
  }
}

function link(url: string, text: string): string {
  return `<a href="${escapeHtml(url)}">${escapeHtml(text)}</a>`;
}

/** CommonMark with tables, strikethrough and bare links; no HTML; pictures become links, never requests. */
export function createParser(): MarkdownIt {
  // breaks: text read from a picture comes line by line, and its lines are what was asked for.
  const md = createMarkdownIt({ html: false, linkify: true, typographer: false, breaks: true }).use(cjkFriendly);
  md.use(mathPlugin);
  md.use(htmlTables);
  md.validateLink = (url) => SAFE_LINK.test(url.trim());

  md.renderer.rules["image"] = (tokens, index) => {
    const token = tokens[index];
    const source = String(token?.attrGet("src") ?? "");
    return link(source, token?.content || source);
  };
  // Alignment comes as style="…", which the content security policy forbids.
  for (const rule of ["th_open", "td_open"]) {
    md.renderer.rules[rule] = (tokens, index, options, _env, self) => {
      const token = tokens[index];
      const align = /text-align:\s*(left|center|right)/.exec(String(token?.attrGet("style")))?.[1];
      if (token?.attrs) token.attrs = token.attrs.filter(([name]) => name !== "style");
      if (align) token?.attrSet("align", align);
      return self.renderToken(tokens, index, options);
    };
  }
  return md;
}
