// @vitest-environment jsdom
import { describe, expect, it } from "vitest";
import { ScriptedGateway } from "../../tests/scripted_gateway.ts";
import { Client } from "./client.ts";

const never = new Promise<void>(() => undefined);

describe("Client.complete", () => {
  it("says nothing more once it was aborted, though words had arrived", async () => {
    const gateway = new ScriptedGateway({ steps: [{ say: "甲" }, { say: "乙" }, { until: never }] });
    const abort = new AbortController();
    const answers = new Client(gateway.fetch).complete(new Blob(["{}"]), "key", abort.signal);
    expect((await answers.next()).value).toMatchObject({ text: "甲" });
    const next = answers.next();
    await new Promise((resolve) => setTimeout(resolve)); // the second word is read, and held for the rest's end
    abort.abort();
    await expect(next).rejects.toThrow(/abort/i);
  });

  it("gives the words that arrived with an error before it throws", async () => {
    const gateway = new ScriptedGateway({ steps: [{ say: "甲" }, { say: "乙" }, { error: { code: "engine_died" } }] });
    const answers = new Client(gateway.fetch).complete(new Blob(["{}"]), "key", new AbortController().signal);
    const texts: string[] = [];
    await expect(
      (async () => {
        for await (const answer of answers) texts.push(answer.text);
      })(),
    ).rejects.toThrow("engine_died");
    expect(texts.at(-1)).toBe("甲乙");
  });
});
