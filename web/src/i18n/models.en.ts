import type { modelsZhCN } from "./models.zh-CN.ts";
import type { Phrase } from "./zh-CN.ts";

export const modelsEn: Record<keyof typeof modelsZhCN, Phrase> = {
  "demo.title": "A small built-in demo model is answering",
  "demo.text":
    "It has 28M parameters and reads printed text, shapes, tables, bar charts, price tags and product cards in Chinese and English. It does not understand photographs and can make mistakes: check its answers.",
  "demo.wanted": "{model} was asked for, but its files are not on this machine, so the built-in model answers for now.",
  "demo.planned": "This machine suits {model}; until it is fetched, the built-in model answers.",
  "demo.dismiss": "Collapse",
  "fetch.start": "Fetch {model}",
  "fetch.startSize": "Fetch {model} (about {size})",
  "fetch.resume": "Go on fetching",
  "fetch.cancel": "Stop fetching",
  "fetch.progress": "How much of {model} is here",
  "fetch.of": "{done} of {total}",
  "fetch.rate": "{rate}/s",
  "fetch.seconds": { one: "about {n} second left", other: "about {n} seconds left" },
  "fetch.minutes": { one: "about {n} minute left", other: "about {n} minutes left" },
  "fetch.hours": { one: "about {n} hour left", other: "about {n} hours left" },
  "fetch.preparing": "Preparing to fetch {model}…",
  "fetch.running": "Fetching {model}",
  "fetch.checking": "Checking {model}…",
  "fetch.installing": "{model} is fetched; the engine that runs it is being installed…",
  "fetch.cancelled": "Stopped. What has arrived is kept, and fetching can go on.",
  "fetch.failed": "It was not fetched: {message}",
  "fetch.restart": "{model} is fetched. Restart to use it: huiyan stop, then huiyan start --model {model}",
  "fetch.switch": "{model} is fetched, and takes over now.",
  "fetch.ask": "Ask an administrator to fetch it: huiyan models pull {model}",
};
