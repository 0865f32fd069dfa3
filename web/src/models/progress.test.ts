// @vitest-environment jsdom
import { beforeAll, describe, expect, it } from "vitest";
import type { FetchStatus } from "../api/types.ts";
import { I18n } from "../i18n/i18n.svelte.ts";
import { figures, share } from "./progress.ts";

const i18n = new I18n(() => "en");
beforeAll(() => i18n.loadLate());

function status(fields: Partial<FetchStatus>): FetchStatus {
  return {
    ...{ id: "a/b", state: "running", phase: "fetching", file: "", done_bytes: 0, total_bytes: 0, rate_bytes_per_s: 0 },
    ...{ eta_s: null, code: "", message: "", hint: "", message_zh: "", hint_zh: "", next: "" },
    ...fields,
  };
}

describe("share", () => {
  it("is unknown before the hub was asked", () => {
    expect(share(status({}))).toBeNull();
  });

  it("is never more than all", () => {
    expect(share(status({ done_bytes: 25, total_bytes: 100 }))).toBe(0.25);
    expect(share(status({ done_bytes: 120, total_bytes: 100 }))).toBe(1);
  });
});

describe("figures", () => {
  it("say nothing that is not known", () => {
    expect(figures(status({}), i18n)).toBe("");
    expect(figures(status({ done_bytes: 0, total_bytes: 6_200_000_000, eta_s: 3 }), i18n)).toBe("0 bytes of 6.2 GB");
  });

  it.each([
    [1, "about 1 second left"],
    [75.4, "about 75 seconds left"],
    [150, "about 3 minutes left"],
    [7200, "about 2 hours left"],
  ])("say what is left of %d seconds", (eta_s, words) => {
    const given = status({ done_bytes: 1.2e9, total_bytes: 6.2e9, rate_bytes_per_s: 45e6, eta_s });
    expect(figures(given, i18n)).toBe(`1.2 GB of 6.2 GB · 45 MB/s · ${words}`);
  });
});
