import type { Database } from "./db.ts";
import type { StoredImage } from "./records.ts";

/** A picture without a message or draft is kept this long: it may be on its way into one. */
const COLLECT_AFTER_MS = 10 * 60 * 1000;

/** Store a picture unless its bytes are there already. */
export async function saveImage(db: Database, image: StoredImage): Promise<void> {
  const tx = db.transaction("images", "readwrite", { durability: "strict" });
  const known = await tx.store.getKey(image.sha256);
  if (known === undefined) await tx.store.put(image);
  await tx.done;
}

export async function loadImage(db: Database, sha256: string): Promise<StoredImage | null> {
  return (await db.get("images", sha256)) ?? null;
}

/** Delete pictures that no message, no draft and no batch refers to. Returns how many. */
export async function collectImages(db: Database, nowMs = Date.now()): Promise<number> {
  const tx = db.transaction(["images", "messages", "drafts", "batchRows"], "readwrite");
  const images = tx.objectStore("images");
  const inMessages = tx.objectStore("messages").index("imageHashes");
  const inDrafts = tx.objectStore("drafts").index("imageHashes");
  const inBatches = tx.objectStore("batchRows").index("imageHashes");
  let deleted = 0;
  for (const sha256 of await images.getAllKeys()) {
    if ((await inMessages.getKey(sha256)) !== undefined) continue;
    if ((await inDrafts.getKey(sha256)) !== undefined) continue;
    if ((await inBatches.getKey(sha256)) !== undefined) continue;
    const image = await images.get(sha256);
    if (!image || nowMs - image.createdMs < COLLECT_AFTER_MS) continue;
    await images.delete(sha256);
    deleted += 1;
  }
  await tx.done;
  return deleted;
}
