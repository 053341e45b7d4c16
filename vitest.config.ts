import { defineConfig } from "vitest/config";

/**
 * Every test runs in Node: those of the interface drive a real browser. A worker is a process of its own, because the
 * embedded database takes some 400 MB that only the end of a process gives back. The limits are for a busy machine
 * of two cores; nothing is tried twice.
 */
export default defineConfig({
  test: {
    environment: "node",
    include: ["tests/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    execArgv: ["--disable-warning=ExperimentalWarning"],
    retry: 0,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 30_000,
    allowOnly: false,
    passWithNoTests: false,
    restoreMocks: true,
  },
});
