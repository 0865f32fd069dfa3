/** Put text, and HTML for programs that take it, on the clipboard. False: the browser does not allow it. */
export async function copy(text: string, html?: string): Promise<boolean> {
  const clipboard = navigator.clipboard as Clipboard | undefined; // HTTPS and localhost only
  try {
    if (clipboard && html !== undefined) {
      const item = new ClipboardItem({
        "text/plain": new Blob([text], { type: "text/plain" }),
        "text/html": new Blob([html], { type: "text/html" }),
      });
      await clipboard.write([item]);
      return true;
    }
    if (clipboard) {
      await clipboard.writeText(text);
      return true;
    }
  } catch {
    // Not allowed just now, for example because the page has no focus: the old way may still work.
  }
  return copyByEvent(text, html);
}

/**
 * The way that works on plain HTTP too: fill the event of a copy command. What is put in arrives as it is,
 * while the newer way has the browser parse and clean HTML first.
 */
export function copyByEvent(text: string, html?: string): boolean {
  const fill = (event: ClipboardEvent) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    event.clipboardData?.setData("text/plain", text);
    if (html !== undefined) event.clipboardData?.setData("text/html", html);
  };
  document.addEventListener("copy", fill, { capture: true });
  try {
    // Deprecated, and the only one there is without HTTPS.
    return document.execCommand("copy");
  } finally {
    document.removeEventListener("copy", fill, { capture: true });
  }
}
