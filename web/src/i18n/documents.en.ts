import type { documentsZhCN } from "./documents.zh-CN.ts";
import type { Phrase } from "./zh-CN.ts";

export const documentsEn: Record<keyof typeof documentsZhCN, Phrase> = {
  "document.password": "“{name}” is protected by a password. Save a copy without one in a reader and drop that.",
  "document.broken": "“{name}” is damaged, or is no PDF. Open it in a reader, or export it again.",
  "document.codec": "This browser cannot play “{name}”. Convert it to MP4 (H.264) or WebM and try again.",
  "document.size": "“{name}” is too large to open. Split it first.",
  "document.unsupported":
    "What is needed to open “{name}” could not be fetched, or the browser is too old. Check the connection, or use a newer browser.",
  "document.opening": "Opening “{name}”…",
  "document.as": "Add as",
  "document.asPictures": "Pictures",
  "document.asText": "Text",
  "document.pages": "Pages (of {n})",
  "document.page": "page {n}",
  "document.badRange": "Name pages from 1 to {n}, such as 1-3,5.",
  "document.tooMany": {
    one: "There is room for {n} more picture: choose fewer, or add text.",
    other: "There is room for {n} more pictures: choose fewer, or add text.",
  },
  "document.tooMuchText": "At most {n} pages of text at a time.",
  "document.counting": "Counting…",
  "document.cost": { one: "{n} token", other: "{n} tokens" },
  "document.costAbout": { one: "about {n} token", other: "about {n} tokens" },
  "document.noText": "These pages hold no text, so they are probably scans: add them as pictures.",
  "document.preview": "Preview",
  "document.cancel": "Cancel",
  "document.working": "Adding…",
  "document.add": { one: "Add {n} page", other: "Add {n} pages" },
  "document.addFrames": { one: "Add {n} frame", other: "Add {n} frames" },
  "document.frames": "Frames",
  "document.video": "{time} long · {width} × {height}",
};
