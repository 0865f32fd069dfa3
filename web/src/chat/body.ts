import type { ChatMessage, ImagePart, TextPart } from "../api/types.ts";
import { base64Of } from "../images/base64.ts";
import { newId } from "../store/ids.ts";
import type { Recipe } from "../store/records.ts";

/** A picture of the recipe is not in the browser any more. */
export class ImageMissing extends Error {
  override readonly name = "ImageMissing";
}

/** How a picture is named to the model, in both languages of the page. */
export const imageLabel = (n: number, origin = "") => `图${n} / Picture ${n}${origin && ` (${origin})`}: `;

function content(message: Recipe["messages"][number], labels: boolean, nextSlot: () => string): ChatMessage["content"] {
  if (message.images.length === 0) return message.text;
  const parts: (TextPart | ImagePart)[] = [];
  message.images.forEach((_, index) => {
    const origin = message.labels?.[index] ?? "";
    if (labels) parts.push({ type: "text", text: imageLabel(index + 1, origin) });
    else if (origin !== "") parts.push({ type: "text", text: `${origin}: ` });
    parts.push({ type: "image_url", image_url: { url: nextSlot() } });
  });
  if (message.text !== "") parts.push({ type: "text", text: message.text });
  return parts;
}

/**
 * The request body for a recipe. The same recipe gives the same bytes, as an Idempotency-Key demands.
 * Base64 never passes through a JSON encoder: the body is put together from pieces.
 *
 * byHash: pictures are only named, since the gateway keeps them.
 * Throws: ImageMissing.
 */
export async function requestBody(
  recipe: Recipe,
  loadBlob: (sha256: string) => Promise<Blob | null>,
  byHash = false,
): Promise<Blob> {
  // Random, so that nothing in the conversation can be taken for a slot; none of it is left in the body.
  const nonce = newId();
  const slot = (index: number) => `${nonce}-${index}`;
  let slots = 0;
  const messages: ChatMessage[] = recipe.messages.map((message) => ({
    role: message.role,
    content: content(message, recipe.labelImages, () => slot(slots++)),
  }));
  const json = JSON.stringify({
    model: recipe.model,
    messages,
    ...recipe.sampling,
    stream: true,
    stream_options: { include_usage: true },
  });

  const hashes = recipe.messages.flatMap((message) => message.images);
  const urls = new Map<string, Promise<string>>();
  const urlOf = (sha256: string) => {
    const url = urls.get(sha256) ?? (byHash ? Promise.resolve(`sha256:${sha256}`) : loadBlob(sha256).then(dataUrl));
    urls.set(sha256, url);
    return url;
  };
  const pieces: BlobPart[] = [];
  let rest = json;
  for (const [index, sha256] of hashes.entries()) {
    const mark = JSON.stringify(slot(index));
    const at = rest.indexOf(mark);
    pieces.push(rest.slice(0, at), '"', await urlOf(sha256), '"');
    rest = rest.slice(at + mark.length);
  }
  pieces.push(rest);
  return new Blob(pieces, { type: "application/json" });
}

async function dataUrl(blob: Blob | null): Promise<string> {
  if (!blob) throw new ImageMissing("a picture is no longer in this browser");
  return `data:${blob.type};base64,${await base64Of(blob)}`;
}
