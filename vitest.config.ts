import { fileURLToPath } from "node:url"
import { defaultServerConditions } from "vite"
import { defineConfig } from "vitest/config"

// Tests run from the sources: no build is needed, and a stack trace shows the file that was written.
// The condition list replaces Vite's own, hence the spread.
const source = { ssr: { resolve: { conditions: ["@parley/source", ...defaultServerConditions] } } }

// Vite resolves only what the test process itself imports. Worker threads and forks take their flags from
// execArgv, programs started with spawn() from NODE_OPTIONS.
const nodeFlags = ["--conditions=@parley/source", "--disable-warning=ExperimentalWarning"]
const setupFiles = [fileURLToPath(new URL("scripts/test-seed.ts", import.meta.url))]
const node = { setupFiles, pool: "forks" as const, execArgv: nodeFlags, env: { NODE_OPTIONS: nodeFlags.join(" ") } }

export default defineConfig({
  test: {
    projects: [
      {
        ...source,
        test: {
          ...node,
          name: "unit",
          include: ["packages/*/test/**/*.test.ts", "examples/**/*.test.ts"],
          exclude: ["**/node_modules/**", "**/dist/**", "**/*.integration.test.ts"],
        },
      },
      {
        ...source,
        test: {
          ...node,
          name: "integration",
          include: ["packages/*/test/**/*.integration.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
})
