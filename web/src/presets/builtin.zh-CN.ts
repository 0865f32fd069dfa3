import type { Preset, PresetField } from "./records.ts";

const field = (id: string, label: string, max: number | null, ...aliases: string[]): PresetField => ({
  id,
  label,
  aliases,
  max,
  unit: "chars",
});

const SHOP = "你是经验丰富的电商文案。只写图片和要求里有依据的内容，不编造参数、功效和认证；不用“最好”“第一”“国家级”等绝对化用语。";

const copy = { systemPrompt: SHOP, sampling: {}, checkBanned: true } as const;
const reading = { systemPrompt: "", sampling: { temperature: 0 }, checkBanned: false } as const;

const TONE = { name: "tone", label: "语气", value: "亲切自然" };
const AUDIENCE = { name: "audience", label: "目标人群", value: "" };
const KEYWORDS = { name: "keywords", label: "要带上的关键词", value: "" };

export const PRESETS: readonly Preset[] = [
  {
    id: "title",
    name: "商品标题",
    template:
      "看图为这个商品写一个电商标题：品类词、材质、规格等买家会搜的词放在前面，通顺，不堆砌。\n标题字数上限：{{max_chars}}\n语气：{{tone}}\n目标人群：{{audience}}\n要带上的关键词：{{keywords}}",
    variables: [{ name: "max_chars", label: "字数上限", value: "30" }, TONE, AUDIENCE, KEYWORDS],
    output: "fields",
    fields: [{ id: "title", label: "标题", aliases: ["商品标题"], max: 30, unit: "width" }],
    ...copy,
  },
  {
    id: "points",
    name: "五个卖点",
    template:
      "看图写出这个商品的五个卖点，每个说一件事，先说对买家的好处，再说依据。\n每条字数上限：{{max_chars}}\n语气：{{tone}}\n目标人群：{{audience}}",
    variables: [{ name: "max_chars", label: "每条字数上限", value: "25" }, TONE, AUDIENCE],
    output: "fields",
    fields: [1, 2, 3, 4, 5].map((n) => field(`point${n}`, `卖点${n}`, 25)),
    ...copy,
  },
  {
    id: "detail",
    name: "详情页文案",
    template:
      "看图写这个商品的详情页文案。\n语气：{{tone}}\n目标人群：{{audience}}\n使用场景：{{scene}}\n要带上的关键词：{{keywords}}",
    variables: [TONE, AUDIENCE, { name: "scene", label: "使用场景", value: "" }, KEYWORDS],
    output: "fields",
    fields: [
      field("headline", "主标题", 16),
      field("intro", "开头", 80),
      field("selling", "卖点说明", 200),
      field("specs", "规格参数", 150, "参数", "规格"),
      field("scene", "使用场景", 100, "场景"),
      field("closing", "结尾", 40),
    ],
    ...copy,
  },
  {
    id: "video",
    name: "短视频脚本",
    template:
      "看图为这个商品写一条{{seconds}}秒的短视频脚本。画面写清每个镜头的秒数和拍什么，口播按正常语速念得完。\n语气：{{tone}}\n目标人群：{{audience}}",
    variables: [{ name: "seconds", label: "时长（秒）", value: "20" }, TONE, AUDIENCE],
    output: "fields",
    fields: [
      field("hook", "开场三秒", 20, "开场"),
      field("shots", "画面", 200, "分镜"),
      field("voice", "口播", 120, "旁白"),
      field("ending", "结尾引导", 25, "结尾"),
      field("tags", "话题标签", 40, "标签"),
    ],
    ...copy,
  },
  {
    id: "service",
    name: "客服回复",
    template:
      "看图回答买家的问题。先回答问题，再说能做什么；图里看不出来的就说会去核实，不要猜。\n买家的问题：{{question}}\n店铺规定：{{policy}}\n语气：{{tone}}",
    variables: [
      { name: "question", label: "买家的问题", value: "这个怎么用？" },
      { name: "policy", label: "店铺规定", value: "" },
      { ...TONE, value: "礼貌、简短" },
    ],
    output: "fields",
    fields: [field("reply", "回复", 120, "答复")],
    ...copy,
  },
  {
    id: "read",
    name: "读出文字",
    template: "图里写了什么？",
    variables: [],
    output: "text",
    fields: [],
    ...reading,
  },
  {
    id: "table",
    name: "表格转 Markdown",
    template: "把表格转成Markdown。",
    variables: [],
    output: "text",
    fields: [],
    ...reading,
  },
  {
    id: "info",
    name: "商品信息 JSON",
    template: "提取商品名称、价格和规格，用JSON返回。",
    variables: [],
    output: "json",
    fields: [
      field("name", "商品名称", null, "名称", "商品名"),
      field("price", "价格", null, "售价"),
      field("spec", "规格", null, "参数"),
    ],
    ...reading,
  },
];
