/**
 * Stands in for `linkify-it`: finds http and https addresses in running text. Where Chinese follows
 * without a space, the address ends: 见https://example.com/a。
 */

export interface Match {
  schema: string;
  index: number;
  lastIndex: number;
  raw: string;
  text: string;
  url: string;
}

/** Characters of RFC 3986 that an address in a text may hold; letters beyond ASCII end it. */
const ADDRESS = /https?:\/\/[\w.~:/?#[\]@!$&'()*+,;=%-]+/gi;
const TRAILING = /[.,:;!?'"*_~]+$/;

const count = (text: string, char: string) => text.split(char).length - 1;

/** Without the sentence's own punctuation: a full stop, or a bracket that was opened before the address. */
function trim(address: string): string {
  let url = address;
  for (;;) {
    const shorter = url.replace(TRAILING, "");
    const unopened =
      (shorter.endsWith(")") && count(shorter, ")") > count(shorter, "(")) ||
      (shorter.endsWith("]") && count(shorter, "]") > count(shorter, "["));
    if (!unopened && shorter === url) return url;
    url = unopened ? shorter.slice(0, -1) : shorter;
  }
}

function toMatch(found: RegExpMatchArray): Match | null {
  const url = trim(found[0]);
  if (/^https?:\/\/$/i.test(url)) return null;
  const index = found.index ?? 0;
  const schema = url.slice(0, url.indexOf(":") + 1).toLowerCase();
  return { schema, index, lastIndex: index + url.length, raw: url, text: url, url };
}

export class LinkifyIt {
  test(text: string): boolean {
    return this.match(text) !== null;
  }

  match(text: string): Match[] | null {
    if (!text.includes("://")) return null;
    const matches = [...text.matchAll(ADDRESS)].map(toMatch).filter((match) => match !== null);
    return matches.length > 0 ? matches : null;
  }

  matchAtStart(text: string): Match | null {
    const first = this.match(text)?.[0];
    return first?.index === 0 ? first : null;
  }
}
