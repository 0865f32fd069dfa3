import { describe, expect, it } from "vitest";
import { ruleFor } from "./rules.ts";

const SCOPE = "http://localhost:8000/sub/";
const rule = (path: string, method = "GET", mode = "cors") => ruleFor({ method, url: SCOPE + path, mode }, SCOPE);

describe("ruleFor", () => {
  it.each(["v1/chat/completions", "v1/models", "api/info", "api/events", "api", "v1", "health", "health/live", "metrics"])(
    "leaves %s to the gateway",
    (path) => {
      expect(rule(path)).toBe("none");
      expect(rule(path, "GET", "navigate")).toBe("none");
      expect(rule(`${path}?x=assets/a.js`)).toBe("none");
    },
  );

  it("leaves everything but GET, and other places, alone", () => {
    expect(rule("", "POST")).toBe("none");
    expect(rule("assets/a.js", "HEAD")).toBe("none");
    expect(ruleFor({ method: "GET", url: "http://localhost:8000/assets/a.js", mode: "cors" }, SCOPE)).toBe("none");
    expect(rule("docs", "GET", "navigate")).toBe("none");
  });

  it("knows the page, its assets and what has no hash in its name", () => {
    for (const path of ["", "?utm=1", "index.html", "chat.html", "#/c/1"]) expect(rule(path)).toBe("page");
    expect(rule("assets/index-abc.js")).toBe("asset");
    expect(rule("assets/pdfjs-6/cmaps/x.bcmap")).toBe("asset");
    for (const path of ["boot.js", "favicon.svg", "icons/icon-192.png", "samples/table_zh.png"]) {
      expect(rule(path)).toBe("fresh");
    }
    expect(rule("sw.js")).toBe("none");
  });
});
