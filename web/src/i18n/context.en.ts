import type { contextZhCN } from "./context.zh-CN.ts";
import type { Phrase } from "./zh-CN.ts";

export const contextEn: Record<keyof typeof contextZhCN, Phrase> = {
  "message.pin": "Pin: send it whole every time",
  "message.unpin": "Unpin",
  "message.pinned": "Pinned",

  "ledger.messages": { one: "{n} message", other: "{n} messages" },
  "ledger.images": { one: "{n} picture", other: "{n} pictures" },
  "ledger.tokens": "{tokens} of {limit} tokens",
  "ledger.tokensAbout": "about {tokens} of {limit} tokens",
  "ledger.cut": { one: "{n} shortened", other: "{n} shortened" },
  "ledger.described": { one: "{n} picture in words", other: "{n} pictures in words" },
  "ledger.leftOut": { one: "{n} left out", other: "{n} left out" },

  "meter.label": "Context: {tokens} of {limit} tokens. Show what will be sent",
  "meter.title": "What will be sent",
  "meter.short": "{tokens} / {limit}",

  "attempt.first.loop": "This answer began to repeat itself and was stopped here; asked again with temperature {temperature}.",
  "attempt.first.empty": "The model wrote nothing; asked again with temperature {temperature}.",
  "attempt.second.loop": "The first answer repeated itself; asked again with temperature {temperature}.",
  "attempt.second.empty": "The first answer was empty; asked again with temperature {temperature}.",
  "attempt.failed.loop": "This one repeated itself as well and was stopped here; it was not asked a third time. Another wording may help.",
  "attempt.failed.empty": "This one is empty as well; it was not asked a third time. Another wording may help.",
  "attempt.only.loop": "This answer began to repeat itself and was stopped here.",
  "attempt.only.empty": "The model wrote nothing.",
  "attempt.showOther.first": "Show the new answer",
  "attempt.showOther.second": "Show the first answer",
};
