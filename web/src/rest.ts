import type { App } from "./app.svelte.ts";
import { startTools } from "./tools/start.ts";
import { startUpgrade } from "./upgrade/start.ts";

/** What is neither part of the first view nor of anything that lies over it; fetched with the rest. */
export async function startRest(app: App): Promise<void> {
  startTools(app);
  startUpgrade(app);
  await Promise.all([
    import("./context/cutter.ts"),
    import("./context/LedgerTable.svelte"),
    import("./retry/loop.ts"),
    import("./boxes/AnswerMarks.svelte"),
    import("./tables/export.ts"),
    import("./tools/ToolDialog.svelte"),
  ]);
}
