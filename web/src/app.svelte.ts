import { createContext } from "svelte";
import { Client } from "./api/client.ts";
import { Shop } from "./batch/shop.svelte.ts";
import type { PlacedMark } from "./boxes/place.ts";
import { Chat } from "./chat/chat.svelte.ts";
import { Composer } from "./chat/composer.svelte.ts";
import { Outbox } from "./chat/outbox.ts";
import { Descriptions } from "./context/descriptions.ts";
import { ContextGuard } from "./context/guard.svelte.ts";
import { Documents } from "./documents/documents.svelte.ts";
import { History } from "./history/history.svelte.ts";
import type { Organiser } from "./history/organiser.svelte.ts";
import { I18n } from "./i18n/i18n.svelte.ts";
import { DEFAULT_BUDGET } from "./images/plan.ts";
import { ImagePreparer } from "./images/preparer.ts";
import { Uploads } from "./images/uploads.ts";
import { loadMarkdown } from "./markdown/AnswerText.svelte";
import { Gateway } from "./models/gateway.svelte.ts";
import { Session } from "./session/session.svelte.ts";
import { localStorageOrNull, Settings } from "./settings/settings.svelte.ts";
import { openDatabase, storageError, type Database } from "./store/db.ts";
import { collectImages, loadImage } from "./store/images.ts";
import type { ImageRef } from "./store/records.ts";
import type { TableView } from "./tables/open.ts";
import { Tabs } from "./store/tabs.ts";
import { ImageUrls } from "./ui/image_urls.ts";
import { Notices } from "./ui/notices.svelte.ts";

export type Overlay = "history" | "settings" | "shortcuts" | "transfer" | "signIn" | "admin";

export interface Lightbox {
  images: readonly ImageRef[];
  index: number;
  /** What an answer found on each picture. */
  marks?: readonly (readonly PlacedMark[])[];
}

const CONVERSATION_HASH = /^#\/c\/([\w-]+)$/;

/** Everything that the page is made of, put together once. */
export class App {
  readonly db: Database;
  readonly client: Client;
  readonly session: Session;
  readonly settings: Settings;
  readonly i18n: I18n;
  readonly notices = new Notices();
  readonly gateway: Gateway;
  readonly history: History;
  readonly composer: Composer;
  readonly outbox: Outbox;
  readonly chat: Chat;
  readonly images: ImageUrls;
  readonly uploads: Uploads;
  readonly documents = new Documents(this);
  readonly shop: Shop;
  readonly descriptions: Descriptions;
  readonly guard: ContextGuard;
  readonly tabs = new Tabs();
  /** Made when the history is opened for the first time. */
  organiser: Organiser | null = null;
  #started = false;
  overlay = $state<Overlay | null>(null);
  lightbox = $state.raw<Lightbox | null>(null);
  table = $state.raw<TableView | null>(null);
  /** A newer page in another tab has taken the database over. */
  outdated = $state(false);

  constructor(db: Database, settings: Settings, i18n: I18n, session = new Session()) {
    this.db = db;
    this.session = session;
    const client = new Client(session.fetch);
    this.client = client;
    this.settings = settings;
    this.i18n = i18n;
    this.gateway = new Gateway(client);
    this.history = new History(db);
    this.images = new ImageUrls(db);
    const onStorageError = (cause: unknown) => {
      this.storageProblem(cause);
    };
    const uploads = new Uploads({
      client,
      offered: () => this.gateway.info?.features.image_upload === true,
      load: async (sha256) => (await loadImage(db, sha256))?.blob ?? null,
    });
    this.uploads = uploads;
    this.composer = new Composer(
      ...([db, new ImagePreparer(), () => this.#composerLimits(), onStorageError] as const),
      (sha256) => {
        uploads.offer(sha256);
      },
    );
    this.descriptions = new Descriptions({ db, client, uploads, gateway: this.gateway });
    this.guard = new ContextGuard({
      tokenize: (texts, signal) => client.tokenize(texts, signal),
      gateway: this.gateway,
      settings,
      known: (sha256) => this.descriptions.known(sha256),
      loadKnown: (path) => this.descriptions.load(path),
    });
    this.outbox = new Outbox({
      db,
      client,
      uploads,
      gateway: this.gateway,
      onStorageError,
      secondAttempts: () => settings.secondAttempts,
      onSecond: (conversation) => {
        this.chat.showSecond(conversation);
      },
      shrink: (entry, message, engineMessage) => this.chat.shrink(entry, message, engineMessage),
      onMessage: (message) => {
        this.chat.receive(message);
      },
      onSaved: (message) => {
        this.history.putText(message);
        this.tabs.tell({ type: "message", conversationId: message.conversationId, messageId: message.id });
      },
    });
    this.gateway.admitted = (signal) => session.whenSignedIn(signal);
    session.onChange = () => {
      uploads.forget();
      this.gateway.reconnect();
      if (session.needed) this.overlay = "signIn";
      else if (this.overlay === "signIn") this.overlay = null;
    };
    this.gateway.keepConnected = () => this.outbox.pending > 0 || this.shop.busy;
    this.chat = new Chat({
      db,
      settings,
      i18n,
      gateway: this.gateway,
      composer: this.composer,
      outbox: this.outbox,
      history: this.history,
      notices: this.notices,
      tabs: this.tabs,
      guard: this.guard,
    });
    const { gateway, composer, chat, notices } = this;
    this.shop = new Shop({ db, client, uploads, gateway, settings, i18n, composer, chat, notices, onStorageError });
  }

  /** Open the conversation that the address names, go on with what was not finished, connect. */
  async start(): Promise<void> {
    this.gateway.start();
    void this.session.look().catch(() => undefined); // asked for again when it is needed
    await Promise.all([this.history.load(), this.outbox.resume()]);
    await this.#openFromAddress();
    this.#started = true;
    this.showAddress();
    void this.shop.resume().catch(this.reportProblem);
    this.tabs.listen((message) => {
      if (message.type === "history") void this.reloadHistory().catch(this.reportProblem);
      else void this.#fromOtherTab(message.conversationId, message.type === "message" ? message.messageId : null);
    });
    const whenIdle = (globalThis.requestIdleCallback as typeof requestIdleCallback | undefined) ?? setTimeout;
    whenIdle(
      () =>
        void collectImages(this.db)
        .then(() => this.descriptions.collect())
        .catch(() => undefined),
    );
  }

  async #openFromAddress(): Promise<void> {
    this.shop.follow(location.hash);
    if (this.shop.batchId !== null && this.chat.open) return; // the conversation stays behind it
    const id = CONVERSATION_HASH.exec(location.hash)?.[1];
    if (id !== undefined) void loadMarkdown().catch(this.reportProblem); // it will be needed in a moment
    if (id === undefined || !(await this.chat.show(id))) await this.chat.startNew();
  }

  /** The reader went back or forward, or changed the address. */
  async addressChanged(): Promise<void> {
    if (location.hash !== this.#address()) await this.#openFromAddress();
  }

  #address(): string {
    return this.shop.address ?? (this.chat.open ? `#/c/${this.chat.open.id}` : "");
  }

  /** Make the address name what is shown, once that is what the address named at first. */
  showAddress(): void {
    if (!this.#started) return;
    const address = this.#address();
    if (location.hash !== address) history.pushState(null, "", address || location.pathname + location.search);
  }

  async newChat(): Promise<void> {
    this.overlay = null;
    this.shop.batchId = null;
    await this.chat.startNew();
  }

  async openConversation(id: string): Promise<void> {
    this.overlay = null;
    this.shop.batchId = null;
    await this.chat.show(id);
  }

  /** The page may be gone after this: write everything that is not on disk. */
  flush(): void {
    void this.composer.flush();
    this.outbox.flush();
  }

  /** Something beside the conversation failed: said, and the page goes on. */
  readonly reportProblem = (cause: unknown): void => {
    void this.client.log({ level: "warning", message: String(cause), request_id: null, context: {} });
  };

  storageProblem(cause: unknown): void {
    const { problem } = storageError(cause);
    const message = cause instanceof Error ? cause.message : String(cause);
    this.notices.problem(
      problem === "full" ? this.i18n.t("notice.storageFull") : this.i18n.t("notice.saveFailed", { message }),
    );
  }

  #composerLimits() {
    const { limits, maxImages, model } = this.gateway;
    return {
      ...{ maxImages, maxImageBytes: limits.max_image_bytes, maxImagePixels: limits.max_image_pixels },
      wish: {
        mode: this.settings.sendMode,
        budget: model ? { minTokens: model.image_min_tokens, maxTokens: model.image_max_tokens } : DEFAULT_BUDGET,
      },
    };
  }

  /** Many conversations changed on disk: in another tab, or by an import. */
  async reloadHistory(): Promise<void> {
    await this.history.load();
    const open = this.history.conversations.find((each) => each.id === this.chat.open?.id);
    if (open) await this.chat.refresh(open);
  }

  async #fromOtherTab(conversationId: string, messageId: string | null): Promise<void> {
    if (messageId !== null) {
      const message = this.outbox.current(messageId) ?? (await this.db.get("messages", messageId));
      if (message) this.chat.receive(message);
      return;
    }
    const conversation = await this.db.get("conversations", conversationId);
    if (conversation) {
      this.history.put(conversation);
      await this.chat.refresh(conversation);
    } else {
      this.history.remove(conversationId);
      this.outbox.discard(conversationId);
      if (this.chat.open?.id === conversationId) await this.chat.startNew();
    }
  }
}

export const [appContext, setAppContext] = createContext<App>();

/** Settings and texts, which are there before the database is. */
export function openSettings(): { settings: Settings; i18n: I18n } {
  const settings = new Settings(localStorageOrNull());
  return { settings, i18n: new I18n(() => settings.language) };
}

/** Throws: StorageError. */
export async function openApp(settings: Settings, i18n: I18n): Promise<App> {
  const reference: { app: App | null } = { app: null };
  const db = await openDatabase(() => {
    if (reference.app) reference.app.outdated = true;
  });
  reference.app = new App(db, settings, i18n);
  return reference.app;
}
