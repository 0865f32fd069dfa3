// @vitest-environment jsdom
import { describe, expect, it } from "vitest";
import { parseSettings, Settings } from "./settings.svelte.ts";

describe("parseSettings", () => {
  it.each([null, "", "not json", "[]", "null", "7", '{"theme": "neon", "temperature": "hot", "topP": 7, "language": null}'])(
    "makes defaults of %j",
    (json) => {
      expect(parseSettings(json)).toEqual({
        language: "auto",
        theme: "system",
        measure: "full",
        sendMode: "detail",
        systemPrompt: "",
        temperature: null,
        topP: null,
        maxTokens: null,
        contextLimit: null,
        olderPictures: "whenNeeded",
        secondAttempts: true,
      });
    },
  );

  it("keeps what fits beside what does not", () => {
    expect(parseSettings('{"theme": "dark", "temperature": 0, "maxTokens": -1}')).toMatchObject({
      theme: "dark",
      temperature: 0,
      maxTokens: null,
    });
  });
});

describe("the context guard's settings", () => {
  it("are taken within their bounds", () => {
    const parsed = parseSettings('{"contextLimit": 8192, "olderPictures": "always", "secondAttempts": false}');
    expect(parsed).toMatchObject({ contextLimit: 8192, olderPictures: "always", secondAttempts: false });
    expect(parseSettings('{"contextLimit": 10, "secondAttempts": 0}')).toMatchObject({ contextLimit: null, secondAttempts: true });
  });
});

describe("Settings", () => {
  it("are there again for the next page", () => {
    localStorage.clear();
    const settings = new Settings(localStorage);
    settings.theme = "dark";
    settings.temperature = 0.3;
    expect(new Settings(localStorage)).toMatchObject({ theme: "dark", temperature: 0.3 });
  });

  it("say in a request only what was chosen", () => {
    localStorage.clear();
    const settings = new Settings(localStorage);
    expect(settings.sampling).toEqual({});
    settings.topP = 0.5;
    settings.maxTokens = 100;
    expect(settings.sampling).toEqual({ top_p: 0.5, max_tokens: 100 });
    settings.resetSampling();
    expect(settings.sampling).toEqual({});
  });

  it("work without any storage", () => {
    const settings = new Settings(null);
    settings.theme = "light";
    expect(settings.theme).toBe("light");
  });
});
