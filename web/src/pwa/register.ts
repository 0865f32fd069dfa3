/** Have the page kept for when the gateway is away; browsers allow it on HTTPS and localhost only. */
export async function keepPage(): Promise<void> {
  const container = navigator.serviceWorker as ServiceWorkerContainer | undefined;
  if (!container || !import.meta.env.PROD) return;
  // Checked past the browser's cache: a new version of the page is noticed with the next visit.
  await container.register("./sw.js", { updateViaCache: "none" });
}
