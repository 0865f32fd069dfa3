import type { CountUnit, Preset, PresetField } from "./records.ts";

const field = (
  id: string,
  label: string,
  max: number | null,
  unit: CountUnit = "chars",
  ...aliases: string[]
): PresetField => ({ id, label, aliases, max, unit });

const SHOP =
  "You are an experienced e-commerce copywriter. Write only what the pictures and the request support; invent no figures, effects or certificates. No superlatives such as best, No. 1 or cheapest.";

const copy = { systemPrompt: SHOP, sampling: {}, checkBanned: true } as const;
const reading = { systemPrompt: "", sampling: { temperature: 0 }, checkBanned: false } as const;

const TONE = { name: "tone", label: "Tone", value: "friendly" };
const AUDIENCE = { name: "audience", label: "Audience", value: "" };
const KEYWORDS = { name: "keywords", label: "Keywords to use", value: "" };

export const PRESETS: readonly Preset[] = [
  {
    id: "title",
    name: "Product title",
    template:
      "Look at the product and write one listing title: the words that buyers search for (kind, material, size) first, readable, nothing stuffed.\nAt most this many characters: {{max_chars}}\nTone: {{tone}}\nAudience: {{audience}}\nKeywords to use: {{keywords}}",
    variables: [{ name: "max_chars", label: "Character limit", value: "80" }, TONE, AUDIENCE, KEYWORDS],
    output: "fields",
    fields: [field("title", "Title", 80, "chars", "Product title")],
    ...copy,
  },
  {
    id: "points",
    name: "Five selling points",
    template:
      "Look at the product and write five selling points, one thing each: what the buyer gains first, then why.\nAt most this many words each: {{max_words}}\nTone: {{tone}}\nAudience: {{audience}}",
    variables: [{ name: "max_words", label: "Word limit for each", value: "20" }, TONE, AUDIENCE],
    output: "fields",
    fields: [1, 2, 3, 4, 5].map((n) => field(`point${n}`, `Point ${n}`, 20, "words")),
    ...copy,
  },
  {
    id: "detail",
    name: "Detail page",
    template:
      "Look at the product and write its detail page.\nTone: {{tone}}\nAudience: {{audience}}\nWhere it is used: {{scene}}\nKeywords to use: {{keywords}}",
    variables: [TONE, AUDIENCE, { name: "scene", label: "Where it is used", value: "" }, KEYWORDS],
    output: "fields",
    fields: [
      field("headline", "Headline", 60),
      field("intro", "Introduction", 60, "words", "Intro"),
      field("selling", "Why buy it", 150, "words"),
      field("specs", "Specifications", 100, "words", "Specs"),
      field("scene", "In use", 60, "words"),
      field("closing", "Closing", 25, "words"),
    ],
    ...copy,
  },
  {
    id: "video",
    name: "Short-video script",
    template:
      "Look at the product and write a script for a video of {{seconds}} seconds. Give each shot its seconds and what it shows; the voice-over must fit at a normal pace.\nTone: {{tone}}\nAudience: {{audience}}",
    variables: [{ name: "seconds", label: "Length in seconds", value: "20" }, TONE, AUDIENCE],
    output: "fields",
    fields: [
      field("hook", "Hook", 12, "words", "Opening"),
      field("shots", "Shots", 150, "words"),
      field("voice", "Voice-over", 60, "words", "Voiceover"),
      field("ending", "Call to action", 12, "words", "CTA"),
      field("tags", "Hashtags", 100),
    ],
    ...copy,
  },
  {
    id: "service",
    name: "Customer answer",
    template:
      "Look at the pictures and answer the buyer. Answer first, then say what can be done; what the pictures do not show will be checked, do not guess.\nThe buyer asks: {{question}}\nShop policy: {{policy}}\nTone: {{tone}}",
    variables: [
      { name: "question", label: "The buyer asks", value: "How do I use it?" },
      { name: "policy", label: "Shop policy", value: "" },
      { ...TONE, value: "polite and short" },
    ],
    output: "fields",
    fields: [field("reply", "Reply", 80, "words", "Answer")],
    ...copy,
  },
  {
    id: "read",
    name: "Read the text",
    template: "Read the text in the image.",
    variables: [],
    output: "text",
    fields: [],
    ...reading,
  },
  {
    id: "table",
    name: "Table to Markdown",
    template: "Convert the table to Markdown.",
    variables: [],
    output: "text",
    fields: [],
    ...reading,
  },
  {
    id: "info",
    name: "Product info as JSON",
    template: "Extract the product name, price and spec as JSON.",
    variables: [],
    output: "json",
    fields: [
      field("name", "Name", null, "chars", "product name", "product"),
      field("price", "Price", null),
      field("spec", "Spec", null, "chars", "specs", "specification"),
    ],
    ...reading,
  },
];
