/**
 * Which lines an agent wrote, as an Agent Trace record (version 0.1.0 of the specification, https://agent-trace.dev).
 *
 * - A range is a run of lines that an edit added, where it stood when that edit was made and as later edits of the same
 *   session moved it. Lines that a later edit took away again are not in it.
 * - Where an edit's place is not recorded and cannot be found, its file stands there without ranges of it.
 * - Edits of people in between are not known here, so a range can be off by theirs; its hash finds the lines again.
 * - No revision is named: what was committed afterwards is not recorded.
 */
import { createHash } from "node:crypto";
import { isAbsolute, relative, sep } from "node:path";
import type { FilePatch } from "../../base/session.ts";
import type { EventRow } from "../api.ts";
import { modelId } from "./models.ts";
import { patchesOf, type ExportedSession } from "./session.ts";
import { applyPatch, placed, type WrittenLine } from "./written.ts";

const VERSION = "0.1.0";
const MODEL_MAX = 250;

interface Range {
  readonly start_line: number;
  readonly end_line: number;
  readonly content_hash: string;
}

interface Contributor {
  readonly type: "ai";
  readonly model_id?: string;
}

interface Conversation {
  readonly contributor: Contributor;
  readonly ranges: readonly Range[];
}

interface AgentTrace {
  readonly version: string;
  readonly id: string;
  readonly timestamp: string;
  readonly tool: { readonly name: string; readonly version?: string };
  readonly files: readonly {
    readonly path: string;
    readonly conversations: readonly Conversation[];
  }[];
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** `nowMs` is when it was recorded, for a session that says no time of its own. */
export function toAgentTrace(exported: ExportedSession, nowMs: number): string {
  return `${JSON.stringify(agentTraceOf(exported, nowMs), null, 2)}\n`;
}

function agentTraceOf(exported: ExportedSession, nowMs: number): AgentTrace {
  const { session } = exported;
  const root = session.project?.path ?? null;
  return {
    version: VERSION,
    id: uuidOf(session.id),
    timestamp: new Date(session.endedAt ?? session.startedAt ?? nowMs).toISOString(),
    tool: {
      name: session.agent,
      ...(session.agentVersion !== null && { version: session.agentVersion }),
    },
    files: [...writtenIn(exported)].flatMap(([path, written]) => {
      const conversations = conversationsOf(written);
      const inner = within(path, root);
      return conversations.length === 0 || inner === null ? [] : [{ path: inner, conversations }];
    }),
    metadata: {
      operon: {
        session: session.id,
        source_id: session.sourceId,
        ...(session.gitBranch !== null && { git_branch: session.gitBranch }),
      },
    },
  };
}

/** What an agent wrote of a file, after the last edit. */
interface Written {
  readonly lines: readonly WrittenLine[];
  /** Of edits whose place is not known. */
  readonly unplaced: ReadonlySet<string | null>;
}

const NOTHING: Written = { lines: [], unplaced: new Set() };

function writtenIn(exported: ExportedSession): ReadonlyMap<string, Written> {
  const files = new Map<string, Written>();
  for (const event of inTime(exported.events)) {
    if (event.rolledBack || (event.status !== null && event.status !== "ok")) continue;
    for (const patch of patchesOf(exported, event)) {
      const held = files.get(patch.path) ?? NOTHING;
      files.set(patch.path, edited(held, patch, modelOf(exported.events, event)));
    }
  }
  return files;
}

function edited(held: Written, patch: FilePatch, model: string | null): Written {
  if (patch.change === "delete") return NOTHING;
  if (patch.change === "add") return { ...NOTHING, lines: applyPatch([], patch, model) };
  const found = placed(held.lines, patch);
  if (found !== null) return { ...held, lines: applyPatch(held.lines, found, model) };
  const writes = patch.hunks.some(({ lines }) => lines.some((line) => line.startsWith("+")));
  // What was known before may have moved by it.
  return { lines: [], unplaced: new Set([...held.unplaced, ...(writes ? [model] : [])]) };
}

/** Sub-agents among the rest; what has no time stands where it was read. */
function inTime(events: readonly EventRow[]): readonly EventRow[] {
  let last = 0;
  return events
    .map((event) => ({ event, at: (last = event.at ?? last) }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ event }) => event);
}

/** The model that asked for it: its own, else the last of its lane before it. */
function modelOf(events: readonly EventRow[], event: EventRow): string | null {
  if (event.model !== null) return event.model;
  const before = events.filter(
    ({ lane, order, model }) => lane === event.lane && order < event.order && model !== null,
  );
  return before.toSorted((a, b) => a.order - b.order).at(-1)?.model ?? null;
}

/** One a model, as the lines of a file name it first. */
function conversationsOf({ lines, unplaced }: Written): readonly Conversation[] {
  const models = Map.groupBy(lines, ({ model }) => model);
  for (const model of unplaced) if (!models.has(model)) models.set(model, []);
  return [...models].map(([model, own]) => ({
    contributor: {
      type: "ai",
      ...(model !== null && { model_id: modelId(model).slice(0, MODEL_MAX) }),
    },
    ranges: runsOf(own).map((run) => ({
      start_line: run[0]?.number ?? 1,
      end_line: run.at(-1)?.number ?? 1,
      content_hash: `sha256:${sha256(run.map(({ text }) => text).join("\n"))}`,
    })),
  }));
}

function runsOf(lines: readonly WrittenLine[]): readonly (readonly WrittenLine[])[] {
  const runs: WrittenLine[][] = [];
  for (const line of lines) {
    const run = runs.at(-1);
    if (run !== undefined && run.at(-1)?.number === line.number - 1) run.push(line);
    else runs.push([line]);
  }
  return runs;
}

/** From the project's folder, with slashes; null for what lies outside of it. */
function within(path: string, root: string | null): string | null {
  const inner = root !== null && isAbsolute(path) ? relative(root, path) : path;
  if (inner === "" || inner.startsWith("..") || (root !== null && isAbsolute(inner))) return null;
  return inner.split(sep).join("/");
}

/** The same for the same session on every machine (a UUID of version 8: its bits are a hash). */
function uuidOf(id: string): string {
  const hex = sha256(`agent-trace ${id}`);
  const variant = ((Number.parseInt(hex[16] as string, 16) & 3) | 8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
