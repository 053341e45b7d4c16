/** Homes for tests: a copy of the fixtures that may be changed, and small ones made of given files. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { onTestFinished } from "vitest";
import { silentLog } from "../../src/base/log.ts";
import type { Archive } from "../../src/capture/archive.ts";
import { createCapture, type Capture } from "../../src/capture/capture.ts";

export const FIXTURES = join(import.meta.dirname, "../fixtures/home");
/** A home of the other agents. */
export const AGENTS = join(import.meta.dirname, "../fixtures/agents");
const COMPRESSED = "rollout-2026-07-03T11-00-00-019a0c44-5e20-7b31-9c40-0000000000d4.jsonl";

export function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "operon-capture-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The fixtures, one rollout of them compressed as newer Codex does. */
export function fixtureHome(): string {
  const home = tempFolder();
  cpSync(FIXTURES, home, { recursive: true });
  const plain = join(home, ".codex/archived_sessions", COMPRESSED);
  writeFileSync(`${plain}.zst`, zstdCompressSync(readFileSync(plain)));
  rmSync(plain);
  return home;
}

/** A home of these files. */
export function homeOf(files: Readonly<Record<string, string | Buffer>>): string {
  const home = tempFolder();
  for (const [path, content] of Object.entries(files)) put(join(home, path), content);
  return home;
}

export function put(path: string, content: string | Buffer): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

export function captureOf(home: string, archive: Archive | null = null): Capture {
  return createCapture({ home, env: {}, log: silentLog, archive });
}

export function jsonl(...records: readonly object[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join("");
}
