/** What stands for a character that XML 1.0 cannot hold (ECMA-376 part 1, 22.9.2.19, ST_Xstring). */
const coded = (char: string) => `_x${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}_`;

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Text for an element or an attribute in double quotes. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (char) => ENTITIES[char] as string);
}

/** Text of a cell: control characters are coded, and text that looks coded already is kept as it is. */
export function cellText(text: string): string {
  const legal = text
    .replace(/\r\n?/g, "\n")
    .replace(/_(?=x[\da-f]{4}_)/gi, "_x005F_")
    // eslint-disable-next-line no-control-regex -- these are the characters that XML forbids
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, coded);
  return escapeXml(legal);
}
