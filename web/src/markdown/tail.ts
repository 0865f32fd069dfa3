/** How a line ends that is still being written: marks that will be closed are closed already. */

const FENCE_LINE = /^ {0,3}(`{3,}|~{3,})(.*)$/;

/** The fence that is open at the end of `text`, or null. */
function openFence(text: string): string | null {
  let open: string | null = null;
  for (const line of text.split("\n")) {
    const match = FENCE_LINE.exec(line);
    if (!match) continue;
    const mark = match[1] as string;
    if (open === null) open = mark;
    else if (mark.startsWith(open) && (match[2] as string).trim() === "") open = null;
  }
  return open;
}

const count = (text: string, mark: string) => text.split(mark).length - 1;

/**
 * Close bold, code and a half-written link at the end of `text`, so that a growing answer does not show
 * `**` or a bare URL for a moment and then change its looks. Only for display while it grows. Pure.
 */
export function closeOpenInline(text: string): string {
  if (openFence(text) !== null) return text;
  const from = text.lastIndexOf("\n") + 1;
  const head = text.slice(0, from);
  let last = text.slice(from);
  if (/^(?: {4}|\t)/.test(last)) return text; // may be indented code, where marks are plain characters

  // [text](http://exam → text, until the closing parenthesis is there.
  last = last.replace(/!?\[([^\][]*)\]\([^()\s]*$/, "$1");

  if (count(last.replace(/``+/g, ""), "`") % 2 === 1) return `${head}${last}\``;
  const outsideCode = last.replace(/`[^`]*`/g, "");
  if (count(outsideCode, "**") % 2 === 1) {
    const trimmed = last.trimEnd();
    // Nothing inside yet: two stars alone would read as a rule or a list.
    if (trimmed.endsWith("**")) return head + trimmed.slice(0, -2);
    return head + trimmed + (trimmed.endsWith("*") ? "*" : "**"); // the first of the closing two is there
  }
  return head + last;
}
