/** The base64 text of a blob, by the browser's own encoder. Throws: what FileReader reports. */
export function base64Of(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => {
      const url = reader.result as string;
      resolve(url.slice(url.indexOf(",") + 1));
    });
    reader.addEventListener("error", () => {
      reject(reader.error ?? new Error("the picture cannot be read"));
    });
    reader.readAsDataURL(blob);
  });
}
