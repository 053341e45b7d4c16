/**
 * The words of a captured session, as plain values: what `capture` produces, `privacy` reduces and `store` keeps.
 *
 * A session is one run of an agent: its main transcript and those of its sub-agents. Each sub-agent is a *lane*;
 * the main conversation is lane `null`. Times are milliseconds since the epoch (UTC), money is whole nano-dollars,
 * `null` means "not recorded" (of money: "unpriced"), never zero.
 */
import type { EventId, ProjectId, SessionId } from "./ids.ts";

export const AGENT_IDS = [
  "claude-code",
  "codex",
  "gemini-cli",
  "opencode",
  "copilot-cli",
  "cursor",
  "cline",
  "roo",
  "aider",
  "pi",
  "factory-droid",
  "amp",
  "goose",
] as const;
export type AgentId = (typeof AGENT_IDS)[number];

export const EVENT_KINDS = [
  "prompt",
  "response",
  "tool",
  "subagent",
  "compaction",
  "permission",
  "error",
  "mode",
] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

/** `running`: asked for, no result seen yet. `rejected`: a person said no. */
export const EVENT_STATUSES = ["ok", "error", "running", "rejected", "interrupted"] as const;
export type EventStatus = (typeof EVENT_STATUSES)[number];

/** `input` is without cached reads, `output` includes `reasoning`. Counts of tokens. */
export interface Tokens {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
  readonly reasoning: number;
}

export const NO_TOKENS: Tokens = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, reasoning: 0 };

/** A local body of text. It stays on this machine: nothing in `crdt`, `sync` or `cloud` takes one. */
export interface Part {
  readonly name: PartName;
  readonly body: string;
}

/**
 * `text`: a prompt's, response's or error's prose · `thinking` · `input`, `output`: a tool's, output as the agent saw it ·
 * `patch`: JSON `FilePatch[]` · `plan`: Markdown · `images`: JSON `[{mediaType, base64}]`.
 */
export const PART_NAMES = [
  "text",
  "thinking",
  "input",
  "output",
  "patch",
  "plan",
  "images",
] as const;
export type PartName = (typeof PART_NAMES)[number];

/** One file's change. `lines` carry their sign in the first column (" ", "+", "-"), as in a unified diff. */
export interface FilePatch {
  readonly path: string;
  readonly change: "add" | "update" | "delete";
  readonly hunks: readonly {
    readonly oldStart: number;
    readonly newStart: number;
    readonly lines: readonly string[];
  }[];
}

/** What a tool was asked, with every field the agent recorded: local. `privacy` decides what of it may leave. */
export interface ToolUse {
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
}

export interface CapturedEvent {
  /** Derived from (agent, the agent's own record id, position in the record): equal on every machine and in every copy. */
  readonly id: EventId;
  /** The sub-agent's id, or null for the main conversation. */
  readonly lane: string | null;
  readonly kind: EventKind;
  /** Position in the lane's transcript: line number × 1,000 + index in the line. */
  readonly order: number;
  readonly at: number | null;
  readonly durationMs: number | null;
  readonly status: EventStatus | null;
  readonly model: string | null;
  readonly tool: ToolUse | null;
  /** One line for lists: a tool's target, a sub-agent's description, a mode's name. Local. */
  readonly summary: string | null;
  /** On a `subagent` event: the lane it opened, once known. */
  readonly opens: string | null;
  readonly linesAdded: number | null;
  readonly linesRemoved: number | null;
  readonly exitCode: number | null;
  /** No longer part of the conversation (Codex rollback): kept, counted as spent, not shown as said. */
  readonly rolledBack: boolean;
  /** The model call this event came from; its tokens are on that call. */
  readonly callKey: string | null;
  readonly parts: readonly Part[];
}

/** What arrives later about an event that was captured before: a tool's result. Absent fields stay as they are. */
export interface EventPatch {
  readonly id: EventId;
  readonly at: number | null;
  readonly durationMs?: number | null;
  readonly status?: EventStatus;
  readonly opens?: string | null;
  readonly summary?: string;
  readonly linesAdded?: number | null;
  readonly linesRemoved?: number | null;
  readonly exitCode?: number | null;
  readonly rolledBack?: boolean;
  readonly parts?: readonly Part[];
}

/** One call of a model, as billed. Equal keys are one call, in whatever files they stand. */
export interface ModelCall {
  /** Unique within the agent: Claude Code `message.id/requestId`, Codex `session id#ordinal`. */
  readonly key: string;
  readonly lane: string | null;
  readonly at: number | null;
  readonly model: string;
  readonly tokens: Tokens;
  /** Null when the model has no price: "unpriced". */
  readonly costNanoUsd: number | null;
}

/** What a session says of itself; absent fields stay as they are. */
export interface SessionFacts {
  readonly title?: string;
  readonly cwd?: string;
  readonly gitBranch?: string;
  readonly agentVersion?: string;
  /** The session this one was forked or resumed from, by the agent's own id. */
  readonly parentSourceId?: string;
}

export interface SessionRef {
  readonly id: SessionId;
  readonly agent: AgentId;
  /** The agent's own id: see `capture`. */
  readonly sourceId: string;
}

export interface ProjectRef {
  readonly id: ProjectId;
  readonly path: string;
  readonly name: string;
}

/** How far a transcript file has been read. Bytes before `offset` are archived, parsed and committed. */
export interface FileState {
  /** Absolute path. */
  readonly path: string;
  readonly agent: AgentId;
  readonly session: SessionId;
  readonly lane: string | null;
  readonly inode: number;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  /** Byte after the last complete line that was read. */
  readonly offset: number;
  /** Lines before `offset`. */
  readonly line: number;
  /** Hex SHA-256 of the file's first bytes (up to 4 KiB of what lies before `offset`): another prefix is another file. */
  readonly prefixHash: string;
  /** The reader's own state at `offset`, plain JSON. */
  readonly reader: unknown;
  /** Numbers (1-based) of the lines that could not be read. */
  readonly damagedLines: readonly number[];
}

/**
 * What one step of reading one file found. Committed in one transaction, with the file's state, by these rules:
 *
 * 1. `restart`: what was read of `file.path` before is withdrawn first.
 * 2. An event whose id is held by the same session is that event again, and replaces it: a last line without a newline
 *    is read twice. Held by another session of this machine it is a replay: it is not stored a second time, and
 *    that session is this one's parent unless the facts name another.
 * 3. A patch changes an event of the same session, the named fields only; its parts replace those of the same name
 *    and leave the others. A patch of an event that is not there, or another session's, is passed over.
 * 4. A call's key is unique in an agent. The session that was first to bring it owns it; of equal keys the greater
 *    output is kept, with all its values.
 * 5. Claude Code: of calls of one message (the key up to and with its "/") with different requests, one in a lane
 *    gives way to one of a main conversation, whichever came first: it is a side question's replay.
 * 6. Facts that are there replace those held.
 * 7. `only`: what the file gave before and is not among these is withdrawn.
 */
export interface CaptureBatch {
  readonly ref: SessionRef;
  readonly facts: SessionFacts;
  readonly events: readonly CapturedEvent[];
  readonly patches: readonly EventPatch[];
  readonly calls: readonly ModelCall[];
  readonly file: FileState;
  /** The file was replaced or shrank: what was read of it before is withdrawn first. */
  readonly restart: boolean;
  /** With the last step of a file that was written anew: all events that are in it. */
  readonly only?: readonly EventId[];
  readonly bytesRead: number;
}
