/**
 * What the lines of one step gave, gathered into what a `CaptureBatch` holds.
 *
 * A patch of an event of the same step is folded into that event, and lines of one call into one call, so that the
 * store sees most events once and whole. Numbers leave here whole and bounded, whatever a transcript says.
 */
import { hash } from "node:crypto";
import type { Bytes } from "../base/bytes.ts";
import { derivedId, type EventId, type SessionId } from "../base/ids.ts";
import type {
  AgentId,
  CapturedEvent,
  EventPatch,
  ModelCall,
  Part,
  SessionFacts,
} from "../base/session.ts";
import { asWhole } from "./json.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export interface Findings {
  /** The first of one id in a step counts. */
  event(event: NewEvent): EventId;
  /** The last one does, where the transcript says the same thing anew. */
  renewed(event: NewEvent): EventId;
  patch(patch: EventPatch): void;
  call(call: ModelCall): void;
  facts(facts: SessionFacts): void;
  take(): {
    facts: SessionFacts;
    events: readonly CapturedEvent[];
    patches: readonly EventPatch[];
    calls: readonly ModelCall[];
  };
}

/** An event as a reader makes it: what it leaves out is null, false or empty. */
export type NewEvent = Pick<CapturedEvent, "id" | "lane" | "kind" | "order" | "at"> &
  Partial<CapturedEvent>;

export function eventId(agent: AgentId, record: string, index: number): EventId {
  return derivedId<"EventId">(sha256, "evt_", agent, record, String(index));
}

export function sessionId(agent: AgentId, sourceId: string): SessionId {
  return derivedId<"SessionId">(sha256, "ses_", agent, sourceId);
}

export function sha256(text: string): Bytes {
  return hash("sha256", text, "buffer") as Bytes;
}

const MAX_ID_BYTES = 200;

/** An agent's own id as an index takes it: a longer one is known by its hash. */
export function boundedId(id: string): string {
  return Buffer.byteLength(id) <= MAX_ID_BYTES ? id : hash("sha256", id, "hex");
}

export function createFindings(): Findings {
  let facts: Mutable<SessionFacts> = {};
  const events = new Map<EventId, Mutable<CapturedEvent>>();
  const patches = new Map<EventId, EventPatch>();
  const calls = new Map<string, ModelCall>();

  return {
    event(event) {
      if (!events.has(event.id)) events.set(event.id, withWholeNumbers({ ...BLANK, ...event }));
      return event.id;
    },
    renewed(event) {
      events.set(event.id, withWholeNumbers({ ...BLANK, ...event }));
      return event.id;
    },
    patch(given) {
      const patch = withWholeNumbers({ ...given });
      const event = events.get(patch.id);
      if (event !== undefined) return applyPatch(event, patch);
      const earlier = patches.get(patch.id);
      patches.set(patch.id, earlier === undefined ? patch : joinPatches(earlier, patch));
    },
    call(call) {
      const earlier = calls.get(call.key);
      if (earlier === undefined || call.tokens.output > earlier.tokens.output)
        calls.set(call.key, wholeCall(call));
    },
    facts(more) {
      facts = { ...facts, ...more };
      if (more.parentSourceId !== undefined) facts.parentSourceId = boundedId(more.parentSourceId);
    },
    take: () => ({
      facts,
      events: [...events.values()],
      patches: [...patches.values()],
      calls: [...calls.values()],
    }),
  };
}

const NUMBERS = ["at", "durationMs", "linesAdded", "linesRemoved", "exitCode"] as const;

/** Changes what it is given. An absent field stays absent. */
function withWholeNumbers<T extends Mutable<Pick<EventPatch, (typeof NUMBERS)[number]>>>(
  fields: T,
): T {
  for (const name of NUMBERS) if (fields[name] !== undefined) fields[name] = asWhole(fields[name]);
  return fields;
}

function wholeCall(call: ModelCall): ModelCall {
  return { ...call, at: asWhole(call.at), costNanoUsd: asWhole(call.costNanoUsd) };
}

/** Writes what the patch says into the event; parts replace those of the same name. The patch's `at` is its own. */
export function applyPatch(event: Mutable<CapturedEvent>, patch: EventPatch): void {
  const { id: _id, at: _at, parts, ...fields } = patch;
  Object.assign(event, fields);
  if (parts !== undefined) event.parts = joinParts(event.parts, parts);
}

function joinPatches(earlier: EventPatch, later: EventPatch): EventPatch {
  if (earlier.parts === undefined || later.parts === undefined) return { ...earlier, ...later };
  return { ...earlier, ...later, parts: joinParts(earlier.parts, later.parts) };
}

function joinParts(earlier: readonly Part[], later: readonly Part[]): Part[] {
  return [...earlier.filter((part) => !later.some((other) => other.name === part.name)), ...later];
}

const BLANK = {
  durationMs: null,
  status: null,
  model: null,
  tool: null,
  summary: null,
  opens: null,
  linesAdded: null,
  linesRemoved: null,
  exitCode: null,
  rolledBack: false,
  callKey: null,
  parts: [],
} as const;
