import { boxesEn } from "./boxes.en.ts";
import { ledgerEn } from "./ledger.en.ts";
import { overlaysEn } from "./overlays.en.ts";
import { tablesEn } from "./tables.en.ts";
import { documentsEn } from "./documents.en.ts";
import { organiseEn } from "./organise.en.ts";
import { picturesEn } from "./pictures.en.ts";
import { transferEn } from "./transfer.en.ts";
import { sessionEn } from "./session.en.ts";
import { adminEn } from "./admin.en.ts";
import { modelsEn } from "./models.en.ts";
import { shortcutsEn } from "./shortcuts.en.ts";
import { toolsEn } from "./tools.en.ts";
import { updatesEn } from "./updates.en.ts";
import { upgradeEn } from "./upgrade.en.ts";
import { shopLateEn } from "./shop_late.en.ts";
import type { lateZhCN } from "./late.zh-CN.ts";
import type { Phrase } from "./zh-CN.ts";

export const lateEn: Record<keyof typeof lateZhCN, Phrase> = {
  ...shopLateEn,
  ...documentsEn,
  ...picturesEn,
  ...transferEn,
  ...organiseEn,
  ...sessionEn,
  ...adminEn,
  ...modelsEn,
  ...shortcutsEn,
  ...toolsEn,
  ...updatesEn,
  ...upgradeEn,
  ...boxesEn,
  ...ledgerEn,
  ...overlaysEn,
  ...tablesEn,
};
