/**
 * Colours of marks, told apart also by people who see few colours (after Okabe and Ito), each with the
 * colour that can be read on it (4.5 : 1 and more).
 */
export const MARK_COLOURS = [
  { line: "#e8590c", ink: "#000000" },
  { line: "#1971c2", ink: "#ffffff" },
  { line: "#237a36", ink: "#ffffff" },
  { line: "#c2255c", ink: "#ffffff" },
  { line: "#f2c200", ink: "#000000" },
  { line: "#7048e8", ink: "#ffffff" },
  { line: "#3bc9db", ink: "#000000" },
  { line: "#8d4b1f", ink: "#ffffff" },
] as const;

export interface MarkColour {
  line: string;
  ink: string;
}

/** The same label has the same colour; without labels each mark has its own. */
export function colourOf(labels: readonly string[], index: number): MarkColour {
  const label = labels[index] ?? "";
  const distinct = [...new Set(labels.map((text, place) => (text === "" ? `#${place}` : text)))];
  const place = distinct.indexOf(label === "" ? `#${index}` : label);
  return MARK_COLOURS[Math.max(0, place) % MARK_COLOURS.length] as MarkColour;
}
