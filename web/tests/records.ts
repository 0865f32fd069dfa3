/** Records for tests: a message or picture with what matters given and the rest filled in. */
import type { ImageRef, Message } from "../src/store/records.ts";

export function imageNamed(sha256: string): ImageRef {
  return { sha256, name: `${sha256}.png`, type: "image/png", sizeBytes: 10, width: 4, height: 3 };
}

export function message(change: Partial<Message> & Pick<Message, "id" | "role">): Message {
  const images = change.images ?? [];
  return {
    conversationId: "c",
    parentId: null,
    text: "",
    reasoning: "",
    images,
    imageHashes: images.map((image) => image.sha256),
    createdMs: 0,
    status: "done",
    error: null,
    model: null,
    finishReason: null,
    usage: null,
    timing: null,
    sent: null,
    ...change,
  };
}
