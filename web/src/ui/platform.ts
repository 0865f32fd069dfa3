const APPLE = /Mac|iPhone|iPad/.test(navigator.userAgent);

/** Name of the key that commands are given with. */
export const MODIFIER = APPLE ? "⌘" : "Ctrl";

export function hasModifier(event: KeyboardEvent): boolean {
  return APPLE ? event.metaKey && !event.ctrlKey : event.ctrlKey && !event.metaKey;
}
