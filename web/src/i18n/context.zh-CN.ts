import type { Phrase } from "./zh-CN.ts";

export const contextZhCN = {
  "message.pin": "固定：以后每次都完整发送",
  "message.unpin": "取消固定",
  "message.pinned": "已固定",

  "ledger.messages": { one: "{n} 条消息", other: "{n} 条消息" },
  "ledger.images": { one: "{n} 张图片", other: "{n} 张图片" },
  "ledger.tokens": "{tokens} / {limit} 词元",
  "ledger.tokensAbout": "约 {tokens} / {limit} 词元",
  "ledger.cut": { one: "{n} 条精简", other: "{n} 条精简" },
  "ledger.described": { one: "{n} 张图以文字代替", other: "{n} 张图以文字代替" },
  "ledger.leftOut": { one: "{n} 条未发送", other: "{n} 条未发送" },

  "meter.label": "上下文：{tokens} / {limit} 词元。看看会发送什么",
  "meter.title": "会发送的内容",
  "meter.short": "{tokens} / {limit}",

  "attempt.first.loop": "这个回答开始重复，已停在这里，并以温度 {temperature} 重新问了一次。",
  "attempt.first.empty": "模型没有写出任何内容，已以温度 {temperature} 重新问了一次。",
  "attempt.second.loop": "第一个回答开始重复，这是以温度 {temperature} 重新问的。",
  "attempt.second.empty": "第一个回答是空的，这是以温度 {temperature} 重新问的。",
  "attempt.failed.loop": "它也开始重复，已停在这里；没有再问。换个问法也许更好。",
  "attempt.failed.empty": "它也是空的；没有再问。换个问法也许更好。",
  "attempt.only.loop": "这个回答开始重复，已停在这里。",
  "attempt.only.empty": "模型没有写出任何内容。",
  "attempt.showOther.first": "看新的回答",
  "attempt.showOther.second": "看第一个回答",
} as const satisfies Record<string, Phrase>;
