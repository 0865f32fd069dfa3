import { describe, expect, it } from "vitest";
import type { Preset } from "./records.ts";
import { fillTemplate, formatNote, schemaOf, usePreset, variableNames, variablesOf } from "./template.ts";

const PRESET: Preset = {
  id: "t",
  name: "标题",
  template: "写一个标题。\n语气：{{tone}}\n面向：{{ audience }}",
  variables: [
    { name: "tone", label: "语气", value: "亲切" },
    { name: "audience", label: "人群", value: "" },
  ],
  output: "fields",
  fields: [{ id: "title", label: "标题", aliases: [], max: 30, unit: "width" }],
  systemPrompt: "你是文案。",
  sampling: { temperature: 0.5 },
  checkBanned: true,
};

describe("templates", () => {
  it("names their variables once, in any script", () => {
    expect(variableNames("{{tone}} {{语气}} {{ tone }} {{}} {{a b}} {x}")).toEqual(["tone", "语气"]);
  });

  it("are filled, and a labelled line without a value goes", () => {
    expect(fillTemplate("A {{x}}.\n语气：{{tone}}。\nTone: {{tone}}, {{x}}", { x: "b", tone: "" })).toBe("A b.\nTone: , b");
    expect(fillTemplate("{{x}}", { x: "{{y}} $&" })).toBe("{{y}} $&");
  });

  it("keep what is known of a variable", () => {
    expect(variablesOf("{{tone}} {{new}}", PRESET.variables)).toEqual([
      PRESET.variables[0],
      { name: "new", label: "new", value: "" },
    ]);
  });

  it("say how the answer is to look, in their own language", () => {
    expect(formatNote(PRESET)).toContain("【标题】…（不超过30个字）");
    expect(formatNote({ ...PRESET, template: "Write a title.", fields: [{ ...(PRESET.fields[0] as Preset["fields"][0]), unit: "words" }] })).toContain(
      "(at most 30 words)",
    );
    expect(formatNote({ ...PRESET, output: "json" })).toBe("");
    expect(formatNote({ ...PRESET, fields: [] })).toBe("");
  });
});

describe("usePreset", () => {
  it("puts the prompt together and keeps what was used", () => {
    const { prompt, use } = usePreset(PRESET, { audience: "学生" }, " 别提价格 ");
    expect(prompt).toBe(
      "写一个标题。\n语气：亲切\n面向：学生\n\n补充要求：别提价格\n\n" +
        "严格按下面的格式输出，每项以【】里的名称开头，不要写别的内容：\n【标题】…（不超过30个字）",
    );
    expect(use.values).toEqual([
      { label: "语气", value: "亲切" },
      { label: "人群", value: "学生" },
    ]);
    expect(use).toMatchObject({ id: "t", systemPrompt: "你是文案。", sampling: { temperature: 0.5 }, checkBanned: true });
  });

  it("lets a variable move the limit of the fields", () => {
    const preset = {
      ...PRESET,
      template: "写标题：{{max_chars}}",
      variables: [{ name: "max_chars", label: "上限", value: "30" }],
    };
    expect(usePreset(preset, { max_chars: "20" }).use.fields[0]?.max).toBe(20);
    expect(usePreset(preset, { max_chars: "20" }).prompt).toContain("不超过20个字");
    expect(usePreset(preset, { max_chars: "many" }).use.fields[0]?.max).toBe(30);
  });

  it("holds the engine to a schema where the preset says so", () => {
    const { use } = usePreset({ ...PRESET, output: "schema" });
    expect(use.sampling.response_format?.json_schema.schema).toEqual(schemaOf(PRESET.fields));
    expect(schemaOf(PRESET.fields)).toMatchObject({ required: ["标题"], additionalProperties: false });
  });
});
