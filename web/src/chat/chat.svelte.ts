import type { Component } from "svelte";
import type { ContextGuard, SendRequest } from "../context/guard.svelte.ts";
import type { Plan } from "../context/plan.ts";
import type { History } from "../history/history.svelte.ts";
import type { I18n } from "../i18n/i18n.svelte.ts";
import type { Gateway } from "../models/gateway.svelte.ts";
import type { PresetUse } from "../presets/records.ts";
import type { Settings } from "../settings/settings.svelte.ts";
import { deleteConversation, loadMessages, saveConversation, saveMessage, saveTurn } from "../store/conversations.ts";
import { storageError, type Database } from "../store/db.ts";
import { NEW_DRAFT } from "../store/drafts.ts";
import { newId } from "../store/ids.ts";
import { askToPersist } from "../store/persist.ts";
import {
  hashesOf,
  imageRef,
  type Conversation,
  type ImageRef,
  type Message,
  type OutboxEntry,
  type Sampling,
  type Variant,
} from "../store/records.ts";
import type { Tabs } from "../store/tabs.ts";
import type { Notices } from "../ui/notices.svelte.ts";
import type { Composer } from "./composer.svelte.ts";
import { OpenConversation } from "./conversation.svelte.ts";
import type { Outbox } from "./outbox.ts";
import { newestLeaf, pathTo, treeOf } from "./tree.ts";

const TITLE_CHARS = 60;

export interface ChatParts {
  db: Database;
  settings: Settings;
  i18n: I18n;
  gateway: Gateway;
  composer: Composer;
  outbox: Outbox;
  history: History;
  notices: Notices;
  tabs: Tabs;
  guard: ContextGuard;
}

/** What a reader can do with the open conversation. */
export class Chat {
  readonly #parts: ChatParts;
  open = $state.raw<OpenConversation | null>(null);
  readonly pending = $derived(this.open?.pending ?? null);
  readonly path = $derived(this.open?.path ?? []);
  /** What goes along with every question that is not a comparison; see tools/allow.svelte.ts. */
  extra: (() => Sampling) | null = null;
  /** Shows what the model did with tools; here once the page stands. */
  calls = $state.raw<Component<{ message: Message }> | null>(null);
  /** Rises when something is pinned or unpinned. */
  pins = $state(0);
  /** A send is being put on disk. */
  #saving = false;
  /** Counts what was opened, so that one that loads slowly does not replace a later one. */
  #opening = 0;

  constructor(parts: ChatParts) {
    this.#parts = parts;
  }

  /** Show nothing yet: the conversation comes to be with the first question. */
  async startNew(): Promise<void> {
    this.#opening += 1;
    this.open = null;
    await this.#parts.composer.open(NEW_DRAFT);
  }

  /** False: there is no such conversation (any more). */
  async show(id: string): Promise<boolean> {
    if (this.open?.id === id) return true;
    const { db, outbox, composer } = this.#parts;
    const turn = ++this.#opening;
    const open = await OpenConversation.load(db, id, (messageId) => outbox.current(messageId));
    if (!open) return false;
    if (turn !== this.#opening) return true; // the reader went on to another one
    this.open = open;
    await composer.open(id);
    return true;
  }

  /**
   * Send what is in the composer, with a preset's prompt in place of the text. False: it stays there, and the
   * reader was told why.
   */
  async send(preset?: { prompt: string; use: PresetUse }): Promise<boolean> {
    const { composer, notices, i18n } = this.#parts;
    const refusal = composer.preparing
      ? i18n.t("composer.preparing")
      : composer.empty && !preset
        ? i18n.t("composer.empty")
        : composer.surplus > 0
          ? i18n.t("composer.surplus", { n: composer.surplus, max: composer.limits().maxImages })
          : this.pending && composer.editing === null
            ? i18n.t("composer.busy")
            : null;
    if (refusal !== null) {
      notices.info(refusal);
      return false;
    }
    if (this.#saving) return false;
    this.#saving = true;
    try {
      return await this.#send(preset);
    } finally {
      this.#saving = false;
    }
  }

  async #send(given?: { prompt: string; use: PresetUse }): Promise<boolean> {
    const { composer } = this.#parts;
    const nowMs = Date.now();
    const edited = composer.editing === null ? undefined : this.open?.get(composer.editing);
    if (this.pending) await this.stop();
    const conversation = this.open?.conversation ?? this.#newConversation(nowMs);
    const draft = composer.snapshot();
    const images = composer.images.map(imageRef);
    const preset = given?.use ?? edited?.record.preset;
    const user: Message = {
      ...blankMessage(conversation.id, edited ? edited.parentId : conversation.headId, nowMs),
      role: "user",
      text: given?.prompt ?? composer.text.trim(),
      images,
      imageHashes: hashesOf(images),
      status: "done",
      ...(preset ? { preset } : {}),
    };
    void askToPersist().catch(() => undefined);
    const path = [...this.#recordsTo(user.parentId), user];
    if (!(await this.#ask(conversation, path, { user, draftKey: draft.key }))) return false;
    await composer.sent(this.open?.id ?? NEW_DRAFT, draft);
    this.#parts.notices.clear();
    return true;
  }

  /** Ask the same question once more: the new answer becomes a branch beside the old one. */
  async regenerate(messageId: string): Promise<void> {
    const answer = this.open?.get(messageId);
    if (!this.open || answer?.role !== "assistant" || this.pending) return;
    await this.#once(this.open.conversation, this.#recordsTo(answer.parentId), {});
  }

  /** Try again for an answer that failed: it takes the place of the failure. */
  async retry(messageId: string): Promise<void> {
    const answer = this.open?.get(messageId);
    if (!this.open || answer?.role !== "assistant" || this.pending) return;
    await this.#once(this.open.conversation, this.#recordsTo(answer.parentId), { replace: answer.record });
  }

  /** A second click while the first one is being put on disk does nothing. */
  async #once(...asked: [Conversation, Message[], { replace?: Message }]): Promise<void> {
    if (this.#saving) return;
    this.#saving = true;
    await this.#ask(...asked).finally(() => {
      this.#saving = false;
    });
  }

  /**
   * Ask one question in a way of its own, as a branch. The question itself is a new branch where its text is
   * new. Returns the id of the answer to come; null: the reader was told why there is none.
   */
  async askVariant(
    question: { parentId: string | null; text: string; images: readonly ImageRef[]; preset?: PresetUse },
    variant: Variant,
    draftKey?: string,
  ): Promise<string | null> {
    const nowMs = Date.now();
    const { parentId, text, preset } = question;
    const images = question.images.map(imageRef);
    const known = [...(this.open?.tree.values() ?? [])].find(
      ({ record }) =>
        record.role === "user" &&
        record.parentId === parentId &&
        record.text === text &&
        record.images.map((image) => image.sha256).join() === images.map((image) => image.sha256).join(),
    )?.record;
    const conversation = this.open?.conversation ?? this.#newConversation(nowMs);
    const user: Message = known ?? {
      ...blankMessage(conversation.id, parentId, nowMs),
      role: "user",
      text,
      images,
      imageHashes: hashesOf(images),
      status: "done",
      ...(preset ? { preset } : {}),
    };
    const asked = await this.#ask(conversation, [...this.#recordsTo(parentId), user], {
      variant,
      ...(known ? {} : { user }),
      ...(draftKey === undefined ? {} : { draftKey }),
    });
    return asked ? (this.open?.conversation.headId ?? null) : null;
  }

  async #ask(
    conversation: Conversation,
    path: Message[],
    options: { user?: Message; draftKey?: string; replace?: Message; variant?: Variant },
  ): Promise<boolean> {
    const { db, outbox, notices, i18n } = this.#parts;
    const question = path.at(-1) as Message;
    const opening = this.#opening;
    const variant = options.variant ?? options.replace?.variant;
    const { recipe, sent } = await this.#parts.guard.plan(this.#requestFor(path, variant));
    const nowMs = Math.max(Date.now(), question.createdMs + 1);
    const assistant: Message = options.replace
      ? { ...options.replace, status: "waiting", error: null, sent }
      : { ...blankMessage(conversation.id, question.id, nowMs), sent, ...(variant ? { variant } : {}) };
    const entry: OutboxEntry = {
      messageId: assistant.id,
      conversationId: conversation.id,
      idempotencyKey: newId(),
      recipe,
      createdMs: nowMs,
      engineFailures: 0,
      cutOffs: 0,
    };
    // It may have got another name or other tags while the request was planned.
    const current = this.#parts.history.get(conversation.id) ?? conversation;
    const title = current.title || this.#titleOf(question);
    const next: Conversation = { ...current, title, headId: assistant.id, updatedMs: nowMs };
    const { user, draftKey } = options;
    // A draft that still waits is written before the turn takes it away, not after.
    if (draftKey !== undefined) void this.#parts.composer.flush();
    try {
      await saveTurn(db, {
        conversation: next,
        assistant,
        entry,
        ...(user ? { user } : {}),
        ...(draftKey === undefined ? {} : { draftKey }),
      });
    } catch (cause) {
      const problem = storageError(cause);
      const detail = cause instanceof Error ? cause.message : "";
      notices.problem(
        problem.problem === "full" ? i18n.t("notice.storageFull") : i18n.t("notice.saveFailed", { message: detail }),
      );
      return false;
    }
    // Unless the reader went on to another one meanwhile: what is shown stays.
    if (opening === this.#opening && this.open?.id !== next.id) this.open = new OpenConversation(next);
    if (user) this.receive(user);
    this.receive(assistant);
    this.#changed(next);
    if (user) this.#parts.history.putText(user);
    outbox.submit(entry, assistant);
    return true;
  }

  /** What there is to say with the question at the end of `path`, before it has to fit. */
  #requestFor(path: readonly Message[], variant?: Variant): SendRequest {
    const { settings } = this.#parts;
    const preset = path.at(-1)?.preset;
    return {
      path,
      systemPrompt: variant?.systemPrompt ?? ((preset?.systemPrompt ?? "") || settings.systemPrompt),
      sampling: variant?.sampling ?? { ...settings.sampling, ...preset?.sampling, ...this.extra?.() },
    };
  }

  /** What sending the composer's content now would mean. Null: there is nothing to send. */
  draftRequest(): SendRequest | null {
    const { composer } = this.#parts;
    const edited = composer.editing === null ? undefined : this.open?.get(composer.editing);
    const headId = edited ? edited.parentId : (this.open?.conversation.headId ?? null);
    const path = this.#recordsTo(headId);
    if (composer.empty && path.length === 0) return null;
    const draft: Message = {
      ...blankMessage(this.open?.id ?? "", headId, 0),
      role: "user",
      text: composer.text.trim(),
      images: [...composer.images],
      status: "done",
    };
    return this.#requestFor([...path, draft]);
  }

  /** A send that the engine found too long, planned anew. Null: it cannot be any shorter. */
  async shrink(entry: OutboxEntry, message: Message, engineMessage: string): Promise<Plan | null> {
    const messages = await loadMessages(this.#parts.db, entry.conversationId);
    const path = pathTo(treeOf(messages), message.parentId);
    if (path.at(-1)?.role !== "user") return null;
    const request = { ...this.#requestFor(path, message.variant), sampling: entry.recipe.sampling };
    const plan = await this.#parts.guard.shrink(request, message.sent?.context?.tokens ?? 0, engineMessage);
    return JSON.stringify(plan.recipe) === JSON.stringify(entry.recipe) ? null : plan;
  }

  /** The second attempt at an answer has taken the first one's place in what is shown. */
  showSecond(conversation: Conversation): void {
    this.#changed(this.open?.id === conversation.id ? { ...this.open.conversation, headId: conversation.headId } : conversation);
  }

  /** Keep a message whole in every later send, or no longer. */
  async pin(messageId: string): Promise<void> {
    const message = this.open?.get(messageId)?.record;
    if (!this.open || !message || message.status === "waiting" || message.status === "streaming") return;
    const pinned: Message = { ...message, pinned: message.pinned !== true };
    this.open.put(pinned);
    this.pins += 1;
    await saveMessage(this.#parts.db, pinned);
    this.#parts.tabs.tell({ type: "message", conversationId: pinned.conversationId, messageId });
  }

  async stop(): Promise<void> {
    if (this.pending) await this.#parts.outbox.stop(this.pending.id);
  }

  /** Take a question back into the composer. */
  async edit(messageId: string): Promise<void> {
    const question = this.open?.get(messageId);
    if (question?.role === "user") await this.#parts.composer.edit(question.record);
  }

  /** Show the branch that `messageId` lies on. */
  async switchTo(messageId: string): Promise<void> {
    if (!this.open) return;
    const conversation = { ...this.open.conversation, headId: newestLeaf(this.open.tree, messageId) };
    this.#changed(conversation);
    await saveConversation(this.#parts.db, conversation);
  }

  async rename(conversation: Conversation, title: string): Promise<void> {
    const renamed = { ...conversation, title: title.trim() || conversation.title, titled: true };
    this.#changed(renamed);
    await saveConversation(this.#parts.db, renamed);
    this.#parts.tabs.tell({ type: "conversation", conversationId: renamed.id });
  }

  async remove(conversation: Conversation): Promise<void> {
    const { db, outbox, history, tabs } = this.#parts;
    outbox.discard(conversation.id);
    await deleteConversation(db, conversation.id);
    history.remove(conversation.id);
    tabs.tell({ type: "conversation", conversationId: conversation.id });
    if (this.open?.id === conversation.id) await this.startNew();
  }

  /** A new state of an answer, from the outbox or from another tab. */
  receive(message: Message): void {
    if (this.open?.id === message.conversationId) this.open.put(message);
  }

  /** Another tab changed this conversation: follow it, unless this tab shows another branch. */
  async refresh(conversation: Conversation): Promise<void> {
    if (this.open?.id !== conversation.id) return;
    const messages = await loadMessages(this.#parts.db, conversation.id);
    if (this.open.id !== conversation.id) return;
    for (const message of messages) this.open.put(this.#parts.outbox.current(message.id) ?? message);
    const { headId } = this.open.conversation;
    const follows = headId === null || pathTo(this.open.tree, conversation.headId).some((live) => live.id === headId);
    this.open.conversation = follows ? conversation : { ...conversation, headId };
  }

  #changed(conversation: Conversation): void {
    if (this.open?.id === conversation.id) this.open.conversation = conversation;
    this.#parts.history.put(conversation);
    this.#parts.tabs.tell({ type: "conversation", conversationId: conversation.id });
  }

  #recordsTo(messageId: string | null): Message[] {
    return this.open ? pathTo(this.open.tree, messageId).map((live) => live.record) : [];
  }

  #newConversation(nowMs: number): Conversation {
    return { id: newId(), title: "", titled: false, createdMs: nowMs, updatedMs: nowMs, headId: null };
  }

  #titleOf(question: Message): string {
    const { preset, images } = question;
    if (preset) return images[0] ? `${preset.name} · ${images[0].name}` : preset.name;
    const line = question.text.split("\n", 1)[0] ?? "";
    if (line) return [...line].length > TITLE_CHARS ? `${[...line].slice(0, TITLE_CHARS).join("")}…` : line;
    return this.#parts.i18n.t("history.pictureTitle", { name: question.images[0]?.name ?? "" });
  }
}

/** An empty answer in the outbox. */
function blankMessage(conversationId: string, parentId: string | null, createdMs: number): Message {
  return {
    id: newId(),
    conversationId,
    parentId,
    role: "assistant",
    text: "",
    reasoning: "",
    images: [],
    imageHashes: [],
    createdMs,
    status: "waiting",
    error: null,
    model: null,
    finishReason: null,
    usage: null,
    timing: null,
    sent: null,
  };
}
