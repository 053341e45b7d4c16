/** What an export of a session is made from: the rows that the api answers, and the bodies of its events. */
import { cutTraces, type Trace, type TraceNode } from "../../base/traces.ts";
import type { FilePatch, Part } from "../../base/session.ts";
import type { EventRow, SessionRow } from "../api.ts";

export interface ExportedSession {
  readonly session: SessionRow;
  readonly events: readonly EventRow[];
  readonly bodies: Readonly<Record<string, readonly Part[]>>;
}

export type EventTrace = Trace<EventRow>;
export type EventNode = TraceNode<EventRow>;

export function tracesOf({ events }: ExportedSession): readonly EventTrace[] {
  return cutTraces(events);
}

/** Null: there is none, or it is on another machine. */
export function bodyOf(
  { bodies }: ExportedSession,
  event: EventRow,
  name: Part["name"],
): string | null {
  const parts = Object.hasOwn(bodies, event.id) ? bodies[event.id] : undefined;
  return parts?.find((part) => part.name === name)?.body ?? null;
}

/** What is not of the expected shape is left out. */
export function patchesOf(exported: ExportedSession, event: EventRow): readonly FilePatch[] {
  return listOf(bodyOf(exported, event, "patch")).flatMap((item) => {
    const { path, change, hunks } = (item ?? {}) as Partial<Record<keyof FilePatch, unknown>>;
    if (typeof path !== "string" || !Array.isArray(hunks)) return [];
    const kind = change === "add" || change === "delete" ? change : "update";
    return [{ path, change: kind, hunks: (hunks as readonly unknown[]).flatMap(hunkOf) }];
  });
}

function hunkOf(value: unknown): FilePatch["hunks"] {
  const { oldStart, newStart, lines } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (!isCount(oldStart) || !isCount(newStart) || !Array.isArray(lines)) return [];
  return [{ oldStart, newStart, lines: lines.filter((line) => typeof line === "string") }];
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

export interface Picture {
  readonly mediaType: string;
  readonly base64: string;
}

export function picturesOf(exported: ExportedSession, event: EventRow): readonly Picture[] {
  return listOf(bodyOf(exported, event, "images")).flatMap((item) => {
    const { mediaType, base64 } = (item ?? {}) as Readonly<Record<string, unknown>>;
    return typeof mediaType === "string" && typeof base64 === "string"
      ? [{ mediaType, base64 }]
      : [];
  });
}

function listOf(body: string | null): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(body ?? "[]");
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}
