export type Withheld = "subtle" | "clipboard" | "worker" | "persist" | "locks";

/** What the browser does not give a page that came over plain HTTP from another machine. */
export function withheld({ crypto, navigator }: Pick<Window & typeof globalThis, "crypto" | "navigator">): Withheld[] {
  const there: Record<Withheld, boolean> = {
    subtle: (crypto.subtle as SubtleCrypto | undefined) !== undefined,
    clipboard: (navigator.clipboard as Clipboard | undefined) !== undefined,
    worker: "serviceWorker" in navigator,
    persist: (navigator.storage as StorageManager | undefined) !== undefined,
    locks: (navigator.locks as LockManager | undefined) !== undefined,
  };
  return (Object.keys(there) as Withheld[]).filter((what) => !there[what]);
}
