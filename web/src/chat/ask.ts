import type { Client } from "../api/client.ts";
import type { Answer } from "../api/completion.ts";
import { ApiError } from "../api/errors.ts";
import type { Uploads } from "../images/uploads.ts";
import type { Database } from "../store/db.ts";
import { loadImage } from "../store/images.ts";
import type { Recipe } from "../store/records.ts";
import { requestBody } from "./body.ts";

export interface AskOptions {
  db: Database;
  client: Client;
  /** Absent: pictures always go along within the request. */
  uploads?: Uploads | undefined;
}

const SHA256 = /^[0-9a-f]{64}$/;

const refused = (cause: unknown, code: string): cause is ApiError =>
  cause instanceof ApiError && cause.detail.code === code;

/**
 * Send a recipe and yield its answer as it grows. Its pictures are named by their hashes where the gateway
 * keeps pictures, and go along within the request where it does not.
 *
 * idempotencyKey: one run, whichever way the pictures travel.
 * Throws: ApiError, ConnectionLost, ImageMissing, AbortError.
 */
export async function* ask(
  { db, client, uploads }: AskOptions,
  recipe: Recipe,
  idempotencyKey: string,
  signal: AbortSignal,
): AsyncGenerator<Answer, void, void> {
  const hashes = [...new Set(recipe.messages.flatMap((message) => message.images))];
  const load = async (hash: string) => (await loadImage(db, hash))?.blob ?? null;
  const send = async function* (byHash: boolean) {
    const body = await requestBody(recipe, load, byHash);
    signal.throwIfAborted();
    yield* client.complete(body, idempotencyKey, signal);
  };
  const byHash = hashes.length > 0 && uploads?.available === true && hashes.every((hash) => SHA256.test(hash));
  if (!byHash) {
    try {
      yield* send(false);
      return;
    } catch (cause) {
      // An earlier page has sent it the other way, and the gateway knows the key for that body only.
      if (hashes.length === 0 || !refused(cause, "idempotency_conflict")) throw cause;
    }
    yield* send(true);
    return;
  }

  await uploads.arrived(hashes, signal);
  // The gateway says which pictures it lacks; they are sent, and the same request once more.
  for (const last of [false, true]) {
    try {
      yield* send(true);
      return;
    } catch (cause) {
      if (refused(cause, "idempotency_conflict")) break; // sent the other way: by an older page, or for lack of room
      if (!refused(cause, "image_missing")) throw cause;
      if (last) break; // forgotten faster than it is asked for
      const missing = (cause.detail.param ?? "").split(",").filter((hash) => hashes.includes(hash));
      const wanted = missing.length > 0 ? missing : hashes;
      if (!(await uploads.again(wanted, signal))) break;
    }
  }
  yield* send(false);
}
