/** Hand-made captures. */
import { type EventId, type SessionId, derivedId } from "../../src/base/ids.ts";
import type {
  AgentId,
  CaptureBatch,
  CapturedEvent,
  FileState,
  ModelCall,
  Part,
} from "../../src/base/session.ts";
import { sha256 } from "../../src/store/projects.ts";

export const NOW = Date.UTC(2026, 6, 1, 12);

export function sessionId(source: string, agent: AgentId = "claude-code"): SessionId {
  return derivedId<"SessionId">(sha256, "ses_", agent, source);
}

export function eventId(name: string): EventId {
  return derivedId<"EventId">(sha256, "evt_", name);
}

export function event(
  name: string,
  more: Partial<CapturedEvent> & { readonly text?: string } = {},
): CapturedEvent {
  const { text, ...rest } = more;
  const parts: readonly Part[] = text === undefined ? [] : [{ name: "text", body: text }];
  return {
    id: eventId(name),
    lane: null,
    kind: "response",
    order: 1_000,
    at: NOW - 100_000,
    durationMs: null,
    status: "ok",
    model: null,
    tool: null,
    summary: null,
    opens: null,
    linesAdded: null,
    linesRemoved: null,
    exitCode: null,
    rolledBack: false,
    callKey: null,
    parts,
    ...rest,
  };
}

export function call(key: string, output: number, more: Partial<ModelCall> = {}): ModelCall {
  const tokens = { input: 10, output, cacheRead: 1_000, cacheWrite: 200, reasoning: 0 };
  return {
    key,
    lane: null,
    at: NOW - 100_000,
    model: "claude-opus-4-8",
    tokens,
    costNanoUsd: output * 100,
    ...more,
  };
}

export type BatchParts = Partial<Omit<CaptureBatch, "ref" | "file">> & {
  readonly agent?: AgentId;
  readonly path?: string;
  readonly file?: Partial<FileState>;
};

export function batch(source: string, parts: BatchParts = {}): CaptureBatch {
  const {
    agent = "claude-code",
    path = `/home/dev/.claude/projects/p/${source}.jsonl`,
    file,
    ...rest
  } = parts;
  const id = sessionId(source, agent);
  return {
    ref: { id, agent, sourceId: source },
    facts: {},
    events: [],
    patches: [],
    calls: [],
    restart: false,
    bytesRead: 100,
    ...rest,
    file: {
      path,
      agent,
      session: id,
      lane: null,
      inode: 1,
      sizeBytes: 100,
      mtimeMs: 1,
      offset: 100,
      line: 1,
      prefixHash: "",
      reader: null,
      damagedLines: [],
      ...file,
    },
  };
}
