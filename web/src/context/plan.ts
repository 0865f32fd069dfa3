import type { ModelCard } from "../api/types.ts";
import { DEFAULT_BUDGET, imageTokens } from "../images/plan.ts";
import { sentHash, type Message, type Recipe, type RecipeMessage, type Sampling, type SentLedger } from "../store/records.ts";
import type { Budget } from "./budget.ts";
import type { Cut, CutGoal, Span } from "./cutter.ts";
import { NOTES_HEADING, note, placeholder, type KnownDescription } from "./describe.ts";
import { joinRows, type LedgerAct, type LedgerRow } from "./ledger.ts";
import { ANSWER_START_TOKENS, IMAGE_LABEL_TOKENS, IMAGE_MARK_TOKENS, MESSAGE_TOKENS } from "./tokens.ts";

/** Messages before the question that the demo model gets: it learnt short talks. */
const DEMO_HISTORY = 4;

/** Cutting saves a third at best: what is further over the limit than this goes without being cut first. */
const HOPELESS = 1.5;

/** Texts shorter than this are not worth cutting. */
const LEAST_CUT_TOKENS = 12;

export type Card = Pick<ModelCard, "id" | "demo"> & Partial<Pick<ModelCard, "image_min_tokens" | "image_max_tokens">>;

/** `whenNeeded`: older pictures give way when the limit is reached. `always`: the newest ones alone are sent. */
export type OlderPictures = "whenNeeded" | "always";

export interface PlanInput {
  /** The branch up to and with the question. */
  path: readonly Message[];
  card: Card;
  maxImages: number;
  systemPrompt: string;
  sampling: Sampling;
  /** Null: nothing is counted and nothing has to fit. */
  budget: Budget | null;
  /** Tokens of a text. owner: the message whose whole text it is. */
  count: (text: string, owner?: Message) => number;
  /** Null: the cutter is not there, and turns are dropped uncut. */
  cut: ((text: string, goal: CutGoal) => Cut) | null;
  known: KnownDescription;
  olderPictures: OlderPictures;
  /** The engine refused the first try: even the question may be cut. */
  shrunk: boolean;
  /** Whether every count so far was the tokenizer's own. */
  exact: () => boolean;
}

export interface Plan {
  recipe: Recipe;
  sent: SentLedger;
}

/** One message on its way into a recipe. */
interface Item {
  message: Message;
  /** The answer that follows it, for a question. */
  answer: Item | null;
  /** Counts questions: a turn is a question and what answers it. */
  turn: number;
  fixed: boolean;
  text: string;
  textTokens: number;
  fullTokens: number;
  imageTokens: number;
  removed: Span[];
  images: "sent" | "described" | "leftOut";
  /** Pictures that are sent: the question may have more than the model takes. */
  imageCount: number;
  placeholder: string;
  placeholderTokens: number;
  state: "kept" | "condensed" | "leftOut";
  note: string;
  noteTokens: number;
}

/** An answer is of use to the model if there is text in it, also when it was stopped. */
const isUseful = (answer: Message | undefined) => answer !== undefined && answer.text.trim() !== "";

/**
 * Earlier turns without those that failed: a picture that the gateway refused once would have every later
 * question refused with it.
 */
function usableHistory(path: readonly Message[]): Message[] {
  const history = path.slice(0, -1);
  return history.filter((message, index) => {
    if (message.role === "assistant") return isUseful(message);
    return isUseful(history[index + 1]);
  });
}

/** What is known of the origin of the first `count` pictures of a message. */
function labelsOf(message: Message, count: number): { labels?: string[] } {
  const labels = message.images.slice(0, count).map((image) => image.label ?? "");
  return labels.some(Boolean) ? { labels } : {};
}

/** Index of the first message that the demo model gets: a question, and the newest one with pictures if near. */
function demoStart(messages: readonly Message[]): number {
  const earliest = Math.max(0, messages.length - 1 - DEMO_HISTORY);
  const offset = messages.slice(earliest).findIndex((message) => message.role === "user");
  return earliest + Math.max(0, offset);
}

/**
 * What to send for the question at the end of `path`. System prompt, pinned messages and the question stay
 * whole; then, oldest first and only as far as needed: pictures become their description, redundant
 * phrasing is cut, turns are dropped. The same input gives the same plan.
 */
export function planSend(input: PlanInput): Plan {
  const question = input.path.at(-1);
  if (question?.role !== "user") throw new Error("the path has to end with a question");
  return new Planner(input, [...usableHistory(input.path), question]).plan();
}

class Planner {
  readonly #input: PlanInput;
  readonly #items: Item[];
  readonly #question: Item;
  readonly #system: string;
  #total = 0;

  constructor(input: PlanInput, messages: readonly Message[]) {
    this.#input = input;
    this.#system = input.systemPrompt.trim() === "" ? "" : input.systemPrompt;
    let turn = 0;
    this.#items = messages.map((message) => {
      if (message.role === "user") turn += 1;
      return this.#item(message, turn, message === messages.at(-1));
    });
    this.#items.forEach((item, index) => {
      const next = this.#items[index + 1];
      if (item.message.role === "user" && next?.message.role === "assistant") item.answer = next;
    });
    this.#question = this.#items.at(-1) as Item;
  }

  #item(message: Message, turn: number, isQuestion: boolean): Item {
    const { budget, card } = this.#input;
    const textTokens = budget ? this.#input.count(message.text, message) : 0;
    const vision = {
      minTokens: card.image_min_tokens ?? DEFAULT_BUDGET.minTokens,
      maxTokens: card.image_max_tokens ?? DEFAULT_BUDGET.maxTokens,
    };
    const costs = message.images.map((image) => {
      const label = card.demo ? 0 : IMAGE_LABEL_TOKENS + (image.label ? this.#input.count(image.label) : 0);
      return imageTokens(image.sent ?? image, vision) + IMAGE_MARK_TOKENS + label;
    });
    const sum = costs.reduce((total, each) => total + each, 0);
    return {
      message,
      answer: null,
      turn,
      fixed: isQuestion || message.pinned === true,
      text: message.text,
      textTokens,
      fullTokens: textTokens + MESSAGE_TOKENS + sum,
      imageTokens: sum,
      removed: [],
      images: "sent",
      imageCount: message.images.length,
      placeholder: "",
      placeholderTokens: 0,
      state: "kept",
      note: "",
      noteTokens: 0,
    };
  }

  plan(): Plan {
    if (this.#input.card.demo) this.#fitDemo();
    this.#chooseImages();
    if (this.#input.budget) this.#fit(this.#input.budget);
    return { recipe: this.#recipe(), sent: this.#sent() };
  }

  #cost(item: Item): number {
    if (item.state === "leftOut") return 0;
    if (item.state === "condensed") return item.noteTokens;
    return item.textTokens + MESSAGE_TOKENS + item.placeholderTokens + (item.images === "sent" ? item.imageTokens : 0);
  }

  /** Change `item`, and keep the total right. */
  #change(item: Item, act: () => void): void {
    const before = this.#cost(item);
    act();
    this.#total += this.#cost(item) - before;
  }

  #fitDemo(): void {
    const start = demoStart(this.#items.map((item) => item.message));
    for (const item of this.#items.slice(0, start)) if (!item.fixed) item.state = "leftOut";
  }

  /** No more pictures than the model takes: the question's first, then pinned ones, then the newest. */
  #chooseImages(): void {
    const { card, maxImages, olderPictures } = this.#input;
    const pictured = this.#items.filter((item) => item.state === "kept" && item.message.images.length > 0).reverse();
    const newest = pictured[0];
    const ranked = [
      ...pictured.filter((item) => item === this.#question),
      ...pictured.filter((item) => item !== this.#question && item.fixed),
      ...pictured.filter((item) => !item.fixed),
    ];
    let left = maxImages;
    let closed = false;
    for (const item of ranked) {
      const older = item !== newest && !item.fixed;
      if (older && (card.demo || olderPictures === "always")) closed = true;
      // Half of an earlier message's pictures would be worse than none; the question itself takes what fits.
      if (item.message.images.length > left && item !== this.#question) closed ||= !item.fixed;
      if (closed || (item.message.images.length > left && item !== this.#question)) {
        this.#describe(item);
        continue;
      }
      if (item.message.images.length > left) {
        item.imageTokens = Math.round((item.imageTokens * left) / item.message.images.length);
        item.imageCount = left;
      }
      left -= item.imageCount;
    }
  }

  #describe(item: Item): void {
    const { card, known, budget, count } = this.#input;
    this.#change(item, () => {
      item.images = card.demo ? "leftOut" : "described";
      if (card.demo) return; // it learnt nothing of the kind; the answer speaks for itself
      item.placeholder = placeholder(item.message, item.answer?.message, known);
      item.placeholderTokens = budget ? count(item.placeholder) : 0;
    });
  }

  #fit(budget: Budget): void {
    const system = this.#system === "" ? 0 : this.#input.count(this.#system) + MESSAGE_TOKENS;
    this.#total = this.#items.reduce((sum, item) => sum + this.#cost(item), system + ANSWER_START_TOKENS);
    // The heading over the descriptions of pictures comes on top of what each of them costs.
    const heading = this.#total > budget.promptTokens ? this.#headingTokens : 0;
    const limit = budget.promptTokens - heading;
    const open = this.#items.filter((item) => !item.fixed && item.state === "kept");
    if (this.#total > limit) this.#describeOlder(open, limit);
    if (this.#total > limit * HOPELESS) this.#drop(open, limit * HOPELESS);
    if (this.#total > limit) this.#cutOlder(open, limit);
    if (this.#total > limit) this.#drop(open, limit);
    if (this.#total > limit) this.#dropNotes(limit);
    if (this.#total > budget.mostPromptTokens) this.#dropPinned(budget.mostPromptTokens);
    if (this.#total > budget.mostPromptTokens && this.#input.shrunk) this.#cutItem(this.#question, budget.mostPromptTokens);
    if (this.#notes !== "") this.#total += heading;
  }

  get #headingTokens(): number {
    return this.#input.count(NOTES_HEADING) + (this.#system === "" ? MESSAGE_TOKENS : 0);
  }

  #describeOlder(open: readonly Item[], limit: number): void {
    const newest = this.#items.findLast((item) => item.message.images.length > 0);
    for (const item of open) {
      if (this.#total <= limit) return;
      if (item !== newest && item.images === "sent" && item.imageCount > 0) this.#describe(item);
    }
  }

  #cutOlder(open: readonly Item[], limit: number): void {
    for (const item of open) {
      if (this.#total <= limit) return;
      if (item.state === "kept" && item.textTokens >= LEAST_CUT_TOKENS) this.#cutItem(item, limit);
    }
  }

  #cutItem(item: Item, limit: number): void {
    const { cut, count } = this.#input;
    if (!cut) return;
    const wanted = Math.max(0, item.textTokens - (this.#total - limit));
    const result = cut(item.message.text, { ratio: wanted / item.textTokens });
    // Never more than before: a counted whole and an estimated rest need not agree.
    const tokens = Math.min(count(result.text), item.textTokens);
    if (result.removed.length === 0) return;
    this.#change(item, () => {
      item.text = result.text;
      item.textTokens = tokens;
      item.removed = result.removed;
    });
  }

  /** Whole turns, oldest first; of one with pictures their description stays. */
  #drop(open: readonly Item[], limit: number): void {
    for (let at = 0; at < open.length && this.#total > limit; ) {
      const turn = open[at]?.turn;
      for (; open[at]?.turn === turn && at < open.length; at++) this.#condense(open[at] as Item);
    }
  }

  #condense(item: Item): void {
    if (item.state !== "kept") return;
    const { card, known, count } = this.#input;
    const words = item.message.images.length === 0 || card.demo ? null : note(item.message, item.answer?.message, known);
    this.#change(item, () => {
      item.state = words === null ? "leftOut" : "condensed";
      item.note = words ?? "";
      item.noteTokens = words === null ? 0 : count(words) + 1;
    });
  }

  #dropNotes(limit: number): void {
    for (const item of this.#items) {
      if (this.#total <= limit) return;
      if (item.state === "condensed") {
        this.#change(item, () => {
          item.state = "leftOut";
        });
      }
    }
  }

  /** What is pinned is more than the engine can take: an answer without the oldest of it is better than none. */
  #dropPinned(limit: number): void {
    for (const item of this.#items) {
      if (this.#total <= limit) return;
      if (item !== this.#question && item.state === "kept") this.#condense(item);
    }
    this.#dropNotes(limit);
  }

  get #notes(): string {
    const notes = this.#items.filter((item) => item.state === "condensed").map((item) => item.note);
    return notes.length === 0 ? "" : [NOTES_HEADING, ...notes].join("\n");
  }

  #recipe(): Recipe {
    const { card, sampling } = this.#input;
    const kept = this.#items.filter((item) => item.state === "kept");
    const messages: RecipeMessage[] = kept.map((item) => {
      const images = item.images === "sent" ? item.message.images.slice(0, item.imageCount).map(sentHash) : [];
      return {
        role: item.message.role,
        text: [item.placeholder, item.text].filter((part) => part !== "").join("\n"),
        images,
        ...(card.demo ? {} : labelsOf(item.message, images.length)),
      };
    });
    const system = [this.#system, this.#notes].filter((part) => part !== "").join("\n\n");
    if (system !== "") messages.unshift({ role: "system", text: system, images: [] });
    const images = messages.reduce((sum, message) => sum + message.images.length, 0);
    // The demo model learnt pictures without labels; larger ones are asked about by number.
    return { model: card.id, messages, labelImages: !card.demo && images > 1, sampling };
  }

  #sent(): SentLedger {
    const { budget, card, exact, shrunk } = this.#input;
    const kept = this.#items.filter((item) => item.state === "kept");
    const images = kept.reduce((sum, item) => sum + (item.images === "sent" ? item.imageCount : 0), 0);
    const there = this.#items.reduce((sum, item) => sum + item.message.images.length, 0);
    return {
      demo: card.demo,
      messages: kept.length,
      messagesLeftOut: this.#items.length - kept.length,
      images,
      imagesLeftOut: there - images,
      ...(budget
        ? {
            context: {
              limitTokens: budget.limitTokens,
              contextTokens: budget.contextTokens,
              reservedTokens: budget.reservedTokens,
              tokens: this.#total,
              exact: exact(),
              over: this.#total > budget.promptTokens,
              shrunk,
              rows: joinRows(this.#rows()),
            },
          }
        : {}),
    };
  }

  #rows(): LedgerRow[] {
    const rows: LedgerRow[] = [];
    if (this.#system !== "") {
      rows.push({ ...EMPTY_ROW, part: "system", tokens: this.#input.count(this.#system) + MESSAGE_TOKENS });
    }
    if (this.#notes !== "") rows.push({ ...EMPTY_ROW, part: "notes", tokens: this.#headingTokens });
    return [...rows, ...this.#items.map((item) => this.#row(item))];
  }

  #row(item: Item): LedgerRow {
    const tokens = this.#cost(item);
    const there = item.message.images.length;
    const images = item.state === "kept" && item.images === "sent" ? item.imageCount : 0;
    const inWords = item.state === "condensed" || (item.state === "kept" && item.images === "described");
    const imagesDescribed = inWords ? there : 0;
    return {
      ...EMPTY_ROW,
      part: item === this.#question ? "question" : "history",
      act: actOf(item),
      messageId: item.message.id,
      role: item.message.role,
      pinned: item.message.pinned === true,
      tokens,
      savedTokens: Math.max(0, item.fullTokens - tokens),
      images,
      imageTokens: images > 0 ? item.imageTokens : 0,
      imagesDescribed,
      imagesLeftOut: there - images - imagesDescribed,
      ...(item.state === "kept" && item.removed.length > 0 ? { removed: item.removed } : {}),
      ...(inWords && there > 0 ? { description: item.state === "condensed" ? item.note : item.placeholder } : {}),
    };
  }
}

function actOf(item: Item): LedgerAct {
  if (item.state !== "kept") return item.state;
  if (item.removed.length > 0) return "cut";
  return item.images === "described" && item.message.images.length > 0 ? "described" : "sent";
}

const EMPTY_ROW: LedgerRow = {
  part: "history",
  act: "sent",
  count: 1,
  messageId: null,
  role: null,
  pinned: false,
  tokens: 0,
  savedTokens: 0,
  images: 0,
  imageTokens: 0,
  imagesDescribed: 0,
  imagesLeftOut: 0,
};
