import type { upgradeZhCN } from "./upgrade.zh-CN.ts";
import type { Phrase } from "./zh-CN.ts";

export const upgradeEn: Record<keyof typeof upgradeZhCN, Phrase> = {
  "upgrade.coming": "Upgrading to {version}…",
  "upgrade.goOn": "Answers that are being written go on; what you send now is answered by the new version.",
  "upgrade.done": "Upgraded to {version}",
  "upgrade.reloadText":
    "This page is still the old version and goes on working; loading it again brings the new one, with your draft and your conversations.",
  "upgrade.reload": "Load it again",
};
