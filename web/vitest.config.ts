import { defineConfig, mergeConfig } from "vitest/config";
import base from "./vite.config.ts";

export default mergeConfig(
  base,
  defineConfig({
    resolve: { conditions: ["browser"] },
    test: {
      environment: "node", // a file that needs a document says so in its first line: jsdom takes a second to start
      include: ["src/**/*.test.ts", "build/**/*.test.ts"],
      setupFiles: ["./tests/setup.ts"],
      server: { deps: { inline: ["markdown-it"] } }, // so that its stand-ins are tested, and not what they replace
      restoreMocks: true,
      pool: "threads",
      maxWorkers: 1,
    },
  }),
);
