import type { Client } from "../api/client.ts";
import type { ModelCard } from "../api/types.ts";
import { ask } from "../chat/ask.ts";
import type { Uploads } from "../images/uploads.ts";
import type { Database } from "../store/db.ts";
import { newId } from "../store/ids.ts";
import { sentHash, type ImageRef, type Message } from "../store/records.ts";
import { describes } from "./describe.ts";

/** A picture in words, by one model. */
export interface StoredDescription {
  /** `descriptionKey` of the two below. */
  key: string;
  sha256: string;
  model: string;
  text: string;
  createdMs: number;
}

const descriptionKey = (model: string, sha256: string) => `${model}\n${sha256}`;

const MOST_ANSWER_TOKENS = 160;
const PROMPT_ZH = "用不超过80个字描述这张图片：是什么，有哪些文字、数字和颜色。";
const PROMPT_EN = "Describe this picture in at most 60 words: what it shows, and its text, numbers and colours.";

export interface DescriptionsOptions {
  db: Database;
  client: Client;
  gateway: { readonly model: ModelCard | null; readonly ready: boolean };
  uploads?: Uploads;
}

/** Pictures whose answer says too little to stand for them later, newest last. */
export function undescribed(path: readonly Message[], known: (sha256: string) => string | null): { image: ImageRef; question: string }[] {
  const newest = path.findLast((message) => message.images.length > 0);
  return path.flatMap((message, index) => {
    const answer = path[index + 1];
    if (message === newest || message.role !== "user" || answer?.role !== "assistant" || describes(answer)) return [];
    if (answer.text.trim() === "") return []; // it failed, and is never sent again
    return message.images
      .filter((image) => known(image.sha256) === null)
      .map((image) => ({ image, question: message.text }));
  });
}

/** What pictures show, asked once for each picture and model while nothing else is going on. */
export class Descriptions {
  readonly #options: DescriptionsOptions;
  #model = "";
  #known = new Map<string, string>();

  constructor(options: DescriptionsOptions) {
    this.#options = options;
  }

  /** In the words of the model that answers now. Null: not asked yet. */
  known(sha256: string): string | null {
    return this.#options.gateway.model?.id === this.#model ? (this.#known.get(sha256) ?? null) : null;
  }

  /** Read what is on disk about `path`'s pictures. Returns whether anything was new. */
  async load(path: readonly Message[]): Promise<boolean> {
    const model = this.#options.gateway.model?.id;
    if (model === undefined) return false;
    if (model !== this.#model) {
      this.#model = model;
      this.#known = new Map();
    }
    let found = false;
    for (const { image } of undescribed(path, (sha256) => this.known(sha256))) {
      const stored = await this.#options.db.get("descriptions", descriptionKey(model, image.sha256));
      if (!stored || model !== this.#model) continue;
      this.#known.set(image.sha256, stored.text);
      found = true;
    }
    return found;
  }

  /** Ask about `path`'s pictures, one after the other, until `signal` aborts. Returns how many were described. */
  async ask(path: readonly Message[], signal: AbortSignal): Promise<number> {
    const { gateway } = this.#options;
    const locks = navigator.locks as LockManager | undefined;
    // The demo model reads; it cannot describe.
    if (!gateway.model || gateway.model.demo || !locks) return 0;
    return locks.request("huiyan-describe", { ifAvailable: true }, async (lock) => {
      let described = 0;
      await this.load(path);
      const open = lock ? undescribed(path, (sha256) => this.known(sha256)) : [];
      for (const { image, question } of open) {
        if (signal.aborted || !gateway.ready) break;
        if (await this.#askOne(image, question, signal)) described += 1;
      }
      return described;
    });
  }

  async #askOne(image: ImageRef, question: string, signal: AbortSignal): Promise<boolean> {
    const { db, client, gateway } = this.#options;
    const model = gateway.model?.id;
    if (model === undefined) return false;
    const text = /[\u4e00-\u9fff]/.test(question) ? PROMPT_ZH : PROMPT_EN;
    const recipe = {
      model,
      messages: [{ role: "user" as const, text, images: [sentHash(image)] }],
      labelImages: false,
      sampling: { temperature: 0, max_tokens: MOST_ANSWER_TOKENS },
    };
    const key = newId();
    let answer = "";
    try {
      for await (const growing of ask(this.#options, recipe, key, signal)) answer = growing.text;
    } catch (cause) {
      void client.stop(key);
      if (signal.aborted) return false;
      throw cause;
    }
    const description = answer.trim();
    if (description === "" || gateway.model?.id !== model) return false;
    await db.put("descriptions", {
      key: descriptionKey(model, image.sha256),
      ...{ sha256: image.sha256, model, text: description, createdMs: Date.now() },
    });
    this.#known.set(image.sha256, description);
    return true;
  }

  /** Forget pictures that are not in the browser any more. */
  async collect(): Promise<void> {
    const { db } = this.#options;
    for (const key of await db.getAllKeys("descriptions")) {
      const sha256 = key.slice(key.lastIndexOf("\n") + 1);
      if ((await db.getKey("images", sha256)) === undefined) await db.delete("descriptions", key);
    }
  }
}
