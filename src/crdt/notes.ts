/**
 * What people add to a session, in a document of its own that everybody may write: three flat lists.
 * Who wrote an entry is told by the verified row that brought it, never by a field in here.
 */
import type * as Y from "yjs";
import type { DecisionId, EventId } from "../base/ids.ts";
import { setSchema } from "./documents.ts";
import { asNumber, asObject, asText } from "./json.ts";
import { addEntry, readEntries, type Maker } from "./lists.ts";

export interface Comment {
  /** Null: on the session as a whole. */
  readonly event: EventId | null;
  readonly text: string;
  /** Milliseconds since the epoch, by its writer's clock. */
  readonly at: number;
}

export interface Notes {
  readonly comments: readonly (Comment & { readonly id: string })[];
  readonly tags: readonly { readonly id: string; readonly tag: string }[];
  readonly decisions: readonly { readonly id: string; readonly decision: DecisionId }[];
}

export type NoteList = keyof Notes;

/** Each answers the entry's id. The caller has asked `canWrite`. */
export function addComment(doc: Y.Doc, event: EventId | null, text: string, make: Maker): string {
  return add(doc, "comments", { event, text, at: make.clock.nowMs() }, make);
}

export function addTag(doc: Y.Doc, tag: string, make: Maker): string {
  return add(doc, "tags", tag, make);
}

export function linkDecision(doc: Y.Doc, decision: DecisionId, make: Maker): string {
  return add(doc, "decisions", decision, make);
}

export function removeNote(doc: Y.Doc, list: NoteList, id: string): void {
  doc.getMap(list).delete(id);
}

export function readNotes(doc: Y.Doc): Notes {
  return {
    comments: readEntries(doc.getMap("comments"), readComment).map(([id, comment]) => ({
      id,
      ...comment,
    })),
    tags: readEntries(doc.getMap("tags"), (value) => asText(value, MAX_TAG)).map(([id, tag]) => ({
      id,
      tag,
    })),
    decisions: readEntries(doc.getMap("decisions"), readDecisionId).map(([id, decision]) => ({
      id,
      decision,
    })),
  };
}

const MAX_TAG = 100;
const MAX_COMMENT = 20_000;
const EVENT_ID = /^evt_[0-9A-HJKMNP-TV-Z]{26}$/;
const DECISION_ID = /^dec_[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

function add(doc: Y.Doc, list: NoteList, value: unknown, make: Maker): string {
  return doc.transact(() => {
    setSchema("notes", doc);
    return addEntry(doc.getMap(list), value, make);
  });
}

function readComment(value: unknown): Comment | null {
  const fields = asObject(value);
  const text = asText(fields?.["text"], MAX_COMMENT);
  const at = asNumber(fields?.["at"]);
  const event: unknown = fields?.["event"] ?? null;
  if (text === null || at === null) return null;
  if (event === null) return { event, text, at };
  return typeof event === "string" && EVENT_ID.test(event)
    ? { event: event as EventId, text, at }
    : null;
}

function readDecisionId(value: unknown): DecisionId | null {
  return typeof value === "string" && DECISION_ID.test(value) ? (value as DecisionId) : null;
}
