/** Picture files out of what browsers hand over: a drop (folders too), a paste, a file picker. */

const COLLATOR = new Intl.Collator(undefined, { numeric: true });

async function entriesOf(directory: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = directory.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    // A reader gives at most 100 entries at a time, and an empty list at the end.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => {
      reader.readEntries(resolve, reject);
    });
    if (some.length === 0) return all.sort((a, b) => COLLATOR.compare(a.name, b.name));
    all.push(...some);
  }
}

/** Browsers know no type for what they cannot read; a photo must not vanish without a word for that. */
const isPicture = (file: File): boolean =>
  file.type.startsWith("image/") || (file.type === "" && /\.(hei[cf]|tiff?)$/i.test(file.name));

async function filesBelow(entry: FileSystemEntry): Promise<File[]> {
  if (entry.isFile) {
    return [
      await new Promise<File>((resolve, reject) => {
        (entry as FileSystemFileEntry).file(resolve, reject);
      }),
    ];
  }
  const files: File[] = [];
  for (const child of await entriesOf(entry as FileSystemDirectoryEntry)) {
    // Of a folder only pictures are meant; .DS_Store and the like need no word of refusal.
    for (const file of await filesBelow(child)) if (isPicture(file)) files.push(file);
  }
  return files;
}

/** Files and the pictures in folders, in the order of their names within each folder. */
export async function filesFromDrop(transfer: DataTransfer): Promise<File[]> {
  // Entries have to be taken before the first await: the transfer is emptied when the event is over.
  const items = [...transfer.items].filter((item) => item.kind === "file");
  const sources = items.map((item) => {
    const entry = typeof item.webkitGetAsEntry === "function" ? item.webkitGetAsEntry() : null;
    return entry?.isDirectory ? entry : item.getAsFile();
  });
  const files: File[] = [];
  for (const source of sources) {
    if (source instanceof File) files.push(source);
    else if (source) files.push(...(await filesBelow(source)));
  }
  return files;
}

/**
 * Pictures on the clipboard. A spreadsheet or a word processor puts a picture of the text beside the
 * text; then the text is meant.
 */
export function filesFromPaste(transfer: DataTransfer): File[] {
  if (transfer.getData("text/plain").trim() !== "") return [];
  return [...transfer.files];
}

/** Does this drag carry files (and not a selection or one of our own thumbnails)? */
export function carriesFiles(transfer: DataTransfer | null): boolean {
  return transfer?.types.includes("Files") ?? false;
}
