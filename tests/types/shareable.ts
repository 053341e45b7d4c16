/**
 * Compiled, never run: what has not passed the privacy gate does not go into a trace document.
 * Each `@ts-expect-error` is an error of its own as soon as the line under it compiles.
 */
import type * as Y from "yjs";
import type { EventId } from "../../src/base/ids.ts";
import type { CapturedEvent } from "../../src/base/session.ts";
import { writeTrace, type Shareable, type TraceEvent, type TraceMeta } from "../../src/crdt/trace.ts";
import type { Gate, LocalEvent, LocalSession } from "../../src/privacy/gate.ts";

declare const doc: Y.Doc;
declare const id: EventId;
declare const plainMeta: TraceMeta;
declare const plainEvent: TraceEvent;
declare const captured: CapturedEvent;
declare const local: { readonly event: LocalEvent; readonly session: LocalSession };
declare const gate: Gate;
const meta: Shareable<TraceMeta> = gate.meta(local.session);

export function passes(): void {
  writeTrace(doc, meta, new Map([[id, gate.event(local.event)]]));
}

export function doesNot(): void {
  // @ts-expect-error an event that did not pass the gate
  writeTrace(doc, meta, new Map([[id, plainEvent]]));
  // @ts-expect-error an event as it was captured
  writeTrace(doc, meta, new Map([[id, captured]]));
  // @ts-expect-error a session that did not pass the gate
  writeTrace(doc, plainMeta, new Map([[id, gate.event(local.event)]]));
  // @ts-expect-error a changed copy has to pass again
  const changed: Shareable<TraceEvent> = { ...gate.event(local.event), model: "a body", extra: captured.parts };
  // @ts-expect-error nothing but the gate makes one
  const made: Shareable<TraceEvent> = { ...plainEvent };
  void [changed, made];
}
