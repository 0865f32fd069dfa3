import type { Message } from "../store/records.ts";

/**
 * The pictures that an answer is about: those of its question, or else of the nearest one before it that
 * has any. Null: there are none.
 */
export function picturesOf(
  tree: ReadonlyMap<string, { readonly parentId: string | null; readonly record: Message }>,
  answerId: string,
): Pick<Message, "images" | "text"> | null {
  const seen = new Set<string>();
  let node = tree.get(answerId);
  while (node?.parentId && !seen.has(node.parentId)) {
    seen.add(node.parentId);
    node = tree.get(node.parentId);
    if (node?.record.role === "user" && node.record.images.length > 0) return node.record;
  }
  return null;
}
