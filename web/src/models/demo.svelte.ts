const KEY = "huiyan.demo-collapsed";

/** Whether the word about the demo model is folded into its badge; for this session of this tab. */
export class DemoNotice {
  readonly #storage: Storage | null;
  #collapsed = $state(false);

  constructor(storage: Storage | null) {
    this.#storage = storage;
    this.#collapsed = storage?.getItem(KEY) === "1";
  }

  get collapsed(): boolean {
    return this.#collapsed;
  }
  set collapsed(collapsed: boolean) {
    this.#collapsed = collapsed;
    try {
      this.#storage?.setItem(KEY, collapsed ? "1" : "0");
    } catch {
      // No room: folded until the page is closed.
    }
  }
}

export function sessionStorageOrNull(): Storage | null {
  try {
    return window.sessionStorage;
  } catch {
    return null;
  }
}
