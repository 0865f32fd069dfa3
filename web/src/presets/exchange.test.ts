import { describe, expect, it } from "vitest";
import { DEFAULT_BANNED } from "./banned_words.ts";
import { PRESETS as EN } from "./builtin.en.ts";
import { PRESETS as ZH } from "./builtin.zh-CN.ts";
import { NotPresets, readPreset, readPresets, writePresets } from "./exchange.ts";
import { variableNames } from "./template.ts";

describe("built-in presets", () => {
  it("are the same ones in both languages", () => {
    const shape = (list: typeof ZH) => list.map(({ id, output, fields }) => [id, output, fields.map((field) => field.id)]);
    expect(shape(EN)).toEqual(shape(ZH));
  });

  it.each([...ZH, ...EN])("have a value for each variable: $name", ({ template, variables }) => {
    expect(variables.map((variable) => variable.name)).toEqual(variableNames(template));
  });
});

describe("files of presets", () => {
  it("lose nothing", () => {
    const file = { presets: [...ZH, ...EN], bannedWords: [...DEFAULT_BANNED] };
    expect(readPresets(writePresets(file))).toEqual(file);
    expect(readPresets(writePresets({ presets: [...ZH] }))).toEqual({ presets: [...ZH] });
  });

  it("may be written by hand", () => {
    expect(readPresets('[{"name": "短", "template": "写{{x}}", "fields": [{"label": "甲", "max": 5.4}, {"label": "乙", "id": "field1"}, 3]}]')).toEqual({
      presets: [
        {
          id: "",
          name: "短",
          template: "写{{x}}",
          variables: [{ name: "x", label: "x", value: "" }],
          output: "text",
          fields: [
            { id: "field1", label: "甲", aliases: [], max: 5, unit: "chars" },
            { id: "field1_2", label: "乙", aliases: [], max: null, unit: "chars" },
          ],
          systemPrompt: "",
          sampling: {},
          checkBanned: false,
        },
      ],
    });
    expect(readPresets('{"banned_words": ["最牛", {"word": "x", "except": ["xy", 1]}, {}]}').bannedWords).toEqual([
      { word: "最牛", instead: "", except: [] },
      { word: "x", instead: "", except: ["xy"] },
    ]);
  });

  it.each(["", "{", "null", "3", "[]", "{}", '{"presets": [{"name": "x"}]}'])("are told from %j", (json) => {
    expect(() => readPresets(json)).toThrow(NotPresets);
  });

  it("bring no sampling that is out of range", () => {
    const preset = { name: "a", template: "b", sampling: { temperature: 9, top_p: 0.5, evil: 1 } };
    expect(readPreset(preset)?.sampling).toEqual({ top_p: 0.5 });
  });
});
