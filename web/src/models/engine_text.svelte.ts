import type { EngineStatus } from "../api/types.ts";
import type { I18n } from "../i18n/i18n.svelte.ts";

/** One line on what the engine is doing. leftS: seconds until the next restart, where that is known. */
export function engineText(i18n: I18n, engine: EngineStatus, leftS: number | null): string {
  if (engine.state === "loading" && engine.progress !== null) {
    return i18n.t("engine.loadingProgress", { percent: Math.round(engine.progress * 100) });
  }
  if (engine.state === "restarting" && leftS !== null && leftS > 0) return i18n.t("engine.restartingIn", { s: leftS });
  return i18n.t(`engine.${engine.state}`);
}

/** Whole seconds left of `retry_in_s`, counted from when the status arrived. */
export class Countdown {
  leftS = $state<number | null>(null);

  constructor(engine: () => EngineStatus | null) {
    $effect(() => {
      const seconds = engine()?.retry_in_s ?? null;
      if (seconds === null) {
        this.leftS = null;
        return;
      }
      const endMs = performance.now() + seconds * 1000;
      const count = () => {
        this.leftS = Math.max(0, Math.ceil((endMs - performance.now()) / 1000));
      };
      count();
      const timer = setInterval(count, 250);
      return () => {
        clearInterval(timer);
      };
    });
  }
}
