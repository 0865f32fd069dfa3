/** The browser reads a blob's URL at some time after the click; Safari takes its time. */
const REVOKE_AFTER_MS = 60_000;

const MAX_NAME_CHARS = 120;

/** A name that Windows, macOS and Linux all take; `fallback` where nothing is left of it. */
export function safeFileName(name: string, fallback = "huiyan"): string {
  const clean = [...name]
    // eslint-disable-next-line no-control-regex -- control characters are what has to go
    .map((char) => (/[\u0000-\u001f\u007f<>:"/\\|?*]/.test(char) ? "_" : char))
    .slice(0, MAX_NAME_CHARS)
    .join("")
    .replace(/^[\s.]+|[\s.]+$/g, "");
  return clean === "" ? fallback : clean;
}

/** Save bytes as a file in the reader's download folder. `name`: with its extension. */
export function download(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = safeFileName(name);
  link.hidden = true;
  // A modal dialog makes everything outside of it inert; Firefox follows only links that are in the page.
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => {
    URL.revokeObjectURL(url);
  }, REVOKE_AFTER_MS);
}
