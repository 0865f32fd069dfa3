import type { ModelCard } from "../api/types.ts";
import type { Message, Sampling } from "../store/records.ts";
import { budgetOf, DEFAULT_LIMIT_TOKENS, type Budget } from "./budget.ts";
import { whenCalm } from "./calm.ts";
import type * as CutterModule from "./cutter.ts";
import type { KnownDescription } from "./describe.ts";
import { readExceeded, shrunkBudget } from "./exceeded.ts";
import { planSend, type OlderPictures, type Plan, type PlanInput } from "./plan.ts";
import { TokenCounter, type Tokenize } from "./token_counter.ts";
import { estimateTokens } from "./tokens.ts";

export interface GuardOptions {
  tokenize: Tokenize;
  gateway: { readonly model: ModelCard | null; readonly ready: boolean; readonly maxImages: number };
  settings: { readonly contextLimit: number | null; readonly olderPictures: OlderPictures };
  /** What is known of a picture in words, by the model that answers now. */
  known: KnownDescription;
  /** Have what is on disk about `path`'s pictures at hand. */
  loadKnown: (path: readonly Message[]) => Promise<unknown>;
}

/** What is about to be sent. */
export interface SendRequest {
  path: readonly Message[];
  systemPrompt: string;
  sampling: Sampling;
}

/** A send waits this long for exact counts when it comes near the limit, and not at all otherwise. */
const COUNT_TIMEOUT_MS = 400;
const NEAR_LIMIT = 0.7;
/** Counting what was cut changes what has to be cut, by little. */
const ROUNDS = 3;

type Cutter = typeof CutterModule;

/** Plans what a send contains, so that a conversation of any length gets an answer. */
export class ContextGuard {
  readonly #options: GuardOptions;
  readonly #counter: TokenCounter;
  /** Exact counts by message: looking one up by its text reads all of the text. */
  #counted = new WeakMap<Message, number>();
  #cutter: Cutter | null = null;
  #learning: AbortController | null = null;
  /** Rises when something became known that plans depend on. */
  revision = $state(0);

  constructor(options: GuardOptions) {
    this.#options = options;
    this.#counter = new TokenCounter(options.tokenize);
  }

  /** Have the cutter at hand: it is fetched apart, since most conversations never need it. */
  async loadCutter(): Promise<void> {
    this.#cutter ??= await import("./cutter.ts");
  }

  budget(sampling: Sampling): Budget {
    const { gateway, settings } = this.#options;
    const limit = settings.contextLimit ?? DEFAULT_LIMIT_TOKENS;
    return budgetOf(gateway.model ?? { context_tokens: limit }, sampling, limit);
  }

  /** The plan by what is known now. Null while no model is known. */
  preview(request: SendRequest): Plan | null {
    void this.revision;
    return this.#options.gateway.model ? this.#plan(request, this.budget(request.sampling), false).plan : null;
  }

  /** The plan for a send: counted exactly where that matters and is possible. */
  plan(request: SendRequest): Promise<Plan> {
    return this.#settle(request, this.budget(request.sampling), false);
  }

  /** The engine found a send too long. The plan for its second and last try. */
  shrink(request: SendRequest, plannedTokens: number, engineMessage: string): Promise<Plan> {
    const said = readExceeded(engineMessage);
    return this.#settle(request, shrunkBudget(this.budget(request.sampling), plannedTokens, said), true);
  }

  async #settle(request: SendRequest, budget: Budget, shrunk: boolean): Promise<Plan> {
    await this.#options.loadKnown(request.path).catch(() => undefined); // the answers have to do
    const deadline = AbortSignal.timeout(COUNT_TIMEOUT_MS);
    let result = this.#plan(request, budget, shrunk);
    for (let round = 0; round < ROUNDS; round++) {
      const tokens = result.plan.sent.context?.tokens ?? 0;
      const left = result.plan.sent.messagesLeftOut > 0 || result.shortened;
      if (!left && tokens < budget.promptTokens * NEAR_LIMIT) break;
      await this.loadCutter().catch(() => undefined); // without it, turns are dropped uncut
      if (!(await this.#learn(result.unknown, deadline)) && round > 0) break;
      result = this.#plan(request, budget, shrunk);
    }
    return result.plan;
  }

  #plan(request: SendRequest, budget: Budget, shrunk: boolean): { plan: Plan; unknown: string[]; shortened: boolean } {
    const { gateway, settings, known } = this.#options;
    if (this.#counter.useModel(gateway.model?.id ?? "")) this.#counted = new WeakMap();
    const unknown: string[] = [];
    const cutter = this.#cutter;
    let shortened = false;
    const input: PlanInput = {
      ...request,
      card: gateway.model ?? { id: "", demo: false },
      maxImages: gateway.maxImages,
      budget,
      count: (text, owner) => {
        const known = owner && this.#counted.get(owner);
        if (known !== undefined) return known;
        const exact = this.#counter.exact(text);
        if (exact === null) unknown.push(text);
        else if (owner) this.#counted.set(owner, exact);
        return exact ?? this.#counter.estimate(text);
      },
      cut: (text, goal) => {
        shortened = true;
        return cutter ? cutter.cut(text, goal) : { text, removed: [] };
      },
      known,
      olderPictures: settings.olderPictures,
      shrunk,
      exact: () => unknown.length === 0,
    };
    return { plan: planSend(input), unknown, shortened };
  }

  async #learn(texts: readonly string[], signal: AbortSignal): Promise<boolean> {
    if (!this.#options.gateway.ready || texts.length === 0 || signal.aborted) return false;
    return this.#counter.learn(texts, signal).catch(() => false); // the estimate has to do
  }

  /** Count what will soon be sent, so that a send finds it counted. A later call takes the place of an earlier one. */
  async warm(request: SendRequest): Promise<void> {
    this.#learning?.abort();
    const abort = new AbortController();
    this.#learning = abort;
    await whenCalm(request.path);
    if (abort.signal.aborted) return;
    const { unknown, shortened } = this.#plan(request, this.budget(request.sampling), false);
    const cutterCame = shortened && !this.#cutter;
    if (cutterCame) await this.loadCutter().catch(() => undefined);
    // The newest texts matter most; what is far beyond the limit is never sent.
    const learnt = await this.#learn(newestFirst(unknown, this.budget(request.sampling).limitTokens), abort.signal);
    if (!cutterCame && !(learnt && !abort.signal.aborted)) return;
    await whenCalm(request.path);
    this.revision += 1;
  }
}

/**
 * So much over the limit by the estimate, which is rather high than low, the tokenizer is over it, too: that
 * is enough to see where the limit lies.
 */
const SURPLUS = 1.5;

function newestFirst(texts: readonly string[], limitTokens: number): string[] {
  const chosen: string[] = [];
  let tokens = 0;
  for (const text of [...texts].reverse()) {
    if (tokens > limitTokens * SURPLUS) break;
    tokens += estimateTokens(text);
    chosen.push(text);
  }
  return chosen;
}
