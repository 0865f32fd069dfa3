/** Pictures that every spreadsheet program shows. */
const OFFICE_TYPES: Record<string, string> = { "image/png": "png", "image/jpeg": "jpeg", "image/gif": "gif" };

export interface OfficeImage {
  blob: Blob;
  extension: string;
}

/** The picture as PNG, unless its type is one that spreadsheets know. Null: the browser cannot decode it. */
export async function officeImage(blob: Blob): Promise<OfficeImage | null> {
  const extension = OFFICE_TYPES[blob.type];
  if (extension !== undefined) return { blob, extension };
  try {
    const bitmap = await createImageBitmap(blob);
    const canvas = document.createElement("canvas");
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
    canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
    bitmap.close();
    const png = await new Promise<Blob | null>((resolve) => {
      canvas.toBlob(resolve, "image/png");
    });
    return png && { blob: png, extension: "png" };
  } catch {
    return null;
  }
}
