// @vitest-environment jsdom
import { describe, expect, it } from "vitest";
import type { Recipe } from "../store/records.ts";
import { ImageMissing, requestBody } from "./body.ts";

const blobs: Record<string, Blob> = {
  a: new Blob([new Uint8Array([1, 2, 3])], { type: "image/png" }),
  b: new Blob([new Uint8Array([250, 251])], { type: "image/jpeg" }),
};
const load = (hash: string) => Promise.resolve(blobs[hash] ?? null);
const recipe = (messages: Recipe["messages"], labelImages = false): Recipe => ({
  model: "m",
  messages,
  labelImages,
  sampling: { temperature: 0.5 },
});
/** jsdom's Blob has no `text()`. */
const textOf = (blob: Blob) =>
  new Promise<string>((resolve) => {
    const reader = new FileReader();
    reader.onload = () => {
      resolve(reader.result as string);
    };
    reader.readAsText(blob);
  });

describe("requestBody", () => {
  it("puts pictures before the text, as data URLs of their own type", async () => {
    const body = await requestBody(
      recipe([
        { role: "system", text: "s", images: [] },
        { role: "user", text: '说"引号"和\n换行', images: ["a", "b"] },
        { role: "assistant", text: "ok", images: [] },
        { role: "user", text: "", images: ["a"] },
      ]),
      load,
    );
    expect(body.type).toBe("application/json");
    expect(JSON.parse(await textOf(body))).toEqual({
      model: "m",
      temperature: 0.5,
      stream: true,
      stream_options: { include_usage: true },
      messages: [
        { role: "system", content: "s" },
        {
          role: "user",
          content: [
            { type: "image_url", image_url: { url: "data:image/png;base64,AQID" } },
            { type: "image_url", image_url: { url: "data:image/jpeg;base64,+vs=" } },
            { type: "text", text: '说"引号"和\n换行' },
          ],
        },
        { role: "assistant", content: "ok" },
        { role: "user", content: [{ type: "image_url", image_url: { url: "data:image/png;base64,AQID" } }] },
      ],
    });
  });

  it("names each picture where labels are wanted", async () => {
    const body = await requestBody(recipe([{ role: "user", text: "q", images: ["a", "b"] }], true), load);
    const parts = (JSON.parse(await textOf(body)) as { messages: { content: { text?: string }[] }[] }).messages[0]?.content;
    expect(parts?.map((part) => part.text)).toEqual(["图1 / Picture 1: ", undefined, "图2 / Picture 2: ", undefined, "q"]);
  });

  it("says where a picture comes from, beside its number or alone", async () => {
    const message = { role: "user" as const, text: "q", images: ["a", "b"], labels: ["第 3 页", ""] };
    const textsOf = async (labelImages: boolean) => {
      const body = await requestBody(recipe([message], labelImages), load);
      const parts = (JSON.parse(await textOf(body)) as { messages: { content: { text?: string }[] }[] }).messages[0]?.content;
      return parts?.map((part) => part.text);
    };
    expect(await textsOf(true)).toEqual(["图1 / Picture 1 (第 3 页): ", undefined, "图2 / Picture 2: ", undefined, "q"]);
    expect(await textsOf(false)).toEqual(["第 3 页: ", undefined, undefined, "q"]);
  });

  it("gives the same bytes for the same recipe: a key stands for one body", async () => {
    const one = recipe([{ role: "user", text: "q", images: ["a", "b"] }]);
    expect(await textOf(await requestBody(one, load))).toBe(await textOf(await requestBody(one, load)));
  });

  it("says which kind of thing is wrong when a picture is gone", async () => {
    await expect(requestBody(recipe([{ role: "user", text: "q", images: ["gone"] }]), load)).rejects.toThrow(ImageMissing);
  });
});
