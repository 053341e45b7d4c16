import { createHash } from "node:crypto";
import type { SessionId, Sha256 } from "../../src/base/ids.ts";
import type { GateContext, LocalEvent, LocalSession } from "../../src/privacy/gate.ts";
import { placeOf, type Place } from "../../src/privacy/place.ts";

const sha256: Sha256 = (text) => new Uint8Array(createHash("sha256").update(text).digest());

export const PROJECT = "/home/alice/work/app";
export const HOST = "alices-laptop.example.lan";

export const CONTEXT: GateContext = {
  session: "ses_1" as SessionId,
  projectPath: PROJECT,
  cwd: `${PROJECT}/web`,
  names: ["alice", HOST],
  sha256,
};

export const PLACE: Place = placeOf(CONTEXT.projectPath, CONTEXT.cwd, CONTEXT.names);

export const EVENT: LocalEvent = {
  kind: "tool",
  at: 1_800_000_000_000,
  durationMs: 12,
  status: "ok",
  model: "claude-opus-4-6",
  lane: null,
  order: 4_001,
  opens: null,
  tool: { name: "Read", input: { file_path: `${PROJECT}/src/a.ts` } },
  linesAdded: 1,
  linesRemoved: 2,
  exitCode: 0,
  rolledBack: false,
  tokens: { input: 1, output: 2, cacheRead: 3, cacheWrite: 4, reasoning: 5 },
  costNanoUsd: 6,
};

export const SESSION: LocalSession = {
  agent: "claude-code",
  agentVersion: "2.1.39",
  sourceId: "0a1b2c3d-0000-4000-8000-000000000001",
  startedAt: 1_800_000_000_000,
  endedAt: 1_800_000_060_000,
  usage: [
    {
      model: "claude-opus-4-6",
      calls: 2,
      tokens: { input: 1, output: 2, cacheRead: 3, cacheWrite: 4, reasoning: 5 },
      costNanoUsd: 7,
    },
  ],
  events: 9,
  prompts: 1,
  tools: 3,
  filesChanged: 1,
};
