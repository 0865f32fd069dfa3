import { boxesZhCN } from "./boxes.zh-CN.ts";
import { ledgerZhCN } from "./ledger.zh-CN.ts";
import { overlaysZhCN } from "./overlays.zh-CN.ts";
import { tablesZhCN } from "./tables.zh-CN.ts";
import { documentsZhCN } from "./documents.zh-CN.ts";
import { organiseZhCN } from "./organise.zh-CN.ts";
import { picturesZhCN } from "./pictures.zh-CN.ts";
import { transferZhCN } from "./transfer.zh-CN.ts";
import { sessionZhCN } from "./session.zh-CN.ts";
import { adminZhCN } from "./admin.zh-CN.ts";
import { modelsZhCN } from "./models.zh-CN.ts";
import { shortcutsZhCN } from "./shortcuts.zh-CN.ts";
import { toolsZhCN } from "./tools.zh-CN.ts";
import { updatesZhCN } from "./updates.zh-CN.ts";
import { upgradeZhCN } from "./upgrade.zh-CN.ts";
import { shopLateZhCN } from "./shop_late.zh-CN.ts";
import type { Phrase } from "./zh-CN.ts";

/** Texts that a plain chat does not show: fetched apart, once the page stands. */
export const lateZhCN = {
  ...shopLateZhCN,
  ...documentsZhCN,
  ...picturesZhCN,
  ...transferZhCN,
  ...organiseZhCN,
  ...sessionZhCN,
  ...adminZhCN,
  ...modelsZhCN,
  ...shortcutsZhCN,
  ...toolsZhCN,
  ...updatesZhCN,
  ...upgradeZhCN,
  ...boxesZhCN,
  ...ledgerZhCN,
  ...overlaysZhCN,
  ...tablesZhCN,
} as const satisfies Record<string, Phrase>;
