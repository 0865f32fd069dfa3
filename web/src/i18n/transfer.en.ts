import type { transferZhCN } from "./transfer.zh-CN.ts";
import type { Phrase } from "./zh-CN.ts";

export const transferEn: Record<keyof typeof transferZhCN, Phrase> = {
  "transfer.title": "Export and import",
  "transfer.scope": "Export",
  "transfer.scope.one": "This chat",
  "transfer.scope.all": { one: "All ({n} chat)", other: "All {n} chats" },
  "transfer.archive": "Whole backup (.zip)",
  "transfer.archiveHint": "All branches and the original pictures; can be imported again without loss.",
  "transfer.markdown": "Markdown",
  "transfer.markdownHint": "The branch that is shown, to read and paste; packed together with its pictures.",
  "transfer.print": "Print, or save as PDF",
  "transfer.printHint": "Prints the chat that is open.",
  "transfer.import": "Import a backup…",
  "transfer.importHint": "From a whole backup (.zip). Nothing is overwritten: a chat that was changed becomes a second one.",
  "transfer.working": "Working…",
  "transfer.progress": "Importing picture {done} of {total}",
  "transfer.exported": { one: "Exported {n} chat.", other: "Exported {n} chats." },
  "transfer.imported": { one: "Imported {n} chat.", other: "Imported {n} chats." },
  "transfer.known": { one: "{n} chat was here already, unchanged.", other: "{n} chats were here already, unchanged." },
  "transfer.missing": {
    one: "{n} picture was missing, or was none, and was not imported.",
    other: "{n} pictures were missing, or were none, and were not imported.",
  },
  "transfer.refused": "“{name}” cannot be imported: it is no backup of huiyan's, or is damaged. ({reason})",
  "transfer.tooLarge": "This is too much for one archive. Export the chats one by one.",
  "transfer.failed": "That did not work: {message}",
  "transfer.question": "Question",
  "transfer.answer": "Answer",
  "transfer.reasoning": "Reasoning",
  "settings.storageOf": "{used} in use, of at most {quota}",
  "settings.storageKeep": "Ask the browser not to clear it",
  "settings.storageKeepRefused":
    "The browser did not agree. Bookmark the page or install it as an app, and try again; export chats that matter.",
};
