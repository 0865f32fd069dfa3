/** A long conversation is put on the page bit by bit while the page is idle. */
const WAIT_MS = 100;
const MOST_WAITS = 100;

/** Print what is open, once all of its `count` messages and their pictures are on the page. */
export async function printConversation(count: number): Promise<void> {
  for (let n = 0; n < MOST_WAITS; n++) {
    if (document.querySelectorAll("main article").length >= count) break;
    await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
  }
  const pictures = [...document.querySelectorAll<HTMLImageElement>("main img")];
  await Promise.all(pictures.map((picture) => picture.decode().catch(() => undefined)));
  window.print();
}
