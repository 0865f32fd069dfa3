export interface StorageReport {
  usedBytes: number | null;
  /** Of which so much may be used. */
  quotaBytes: number | null;
  /** The browser will not clear the data by itself. */
  persisted: boolean;
  /** HTTPS or localhost; elsewhere browsers withhold much of this. */
  secure: boolean;
}

/** `navigator.storage`, which pages on plain HTTP do not get. */
function storageManager(): StorageManager | undefined {
  return navigator.storage as StorageManager | undefined;
}

/** Ask once that the browser keeps the data even when space runs low. */
export async function askToPersist(): Promise<void> {
  const manager = storageManager();
  if (!manager || (await manager.persisted())) return;
  await manager.persist();
}

export async function reportStorage(): Promise<StorageReport> {
  const manager = storageManager();
  const estimate = await manager?.estimate();
  return {
    usedBytes: estimate?.usage ?? null,
    quotaBytes: estimate?.quota ?? null,
    persisted: (await manager?.persisted()) ?? false,
    secure: window.isSecureContext,
  };
}
