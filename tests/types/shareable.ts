/**
 * Compiled, never run: what has not passed the privacy gate does not go into a trace document.
 * Each `@ts-expect-error` is an error of its own as soon as the line under it compiles.
 */
import type * as Y from "yjs";
import type { EventId } from "../../src/base/ids.ts";
import type { CapturedEvent } from "../../src/base/session.ts";
import {
  writeTrace,
  type Shareable,
  type TraceEvent,
  type TraceMeta,
} from "../../src/crdt/trace.ts";
import {
  shareEvent,
  shareMeta,
  type GateContext,
  type LocalEvent,
  type LocalSession,
} from "../../src/privacy/gate.ts";

declare const doc: Y.Doc;
declare const id: EventId;
declare const plainMeta: TraceMeta;
declare const plainEvent: TraceEvent;
declare const captured: CapturedEvent;
declare const local: { readonly event: LocalEvent; readonly session: LocalSession };
declare const context: GateContext;
const meta: Shareable<TraceMeta> = shareMeta(local.session);

export function passes(): void {
  writeTrace(doc, meta, new Map([[id, shareEvent(local.event, context)]]));
}

export function doesNot(): void {
  // @ts-expect-error an event that did not pass the gate
  writeTrace(doc, meta, new Map([[id, plainEvent]]));
  // @ts-expect-error an event as it was captured
  writeTrace(doc, meta, new Map([[id, captured]]));
  // @ts-expect-error a session that did not pass the gate
  writeTrace(doc, plainMeta, new Map([[id, shareEvent(local.event, context)]]));
  const copy = { ...shareEvent(local.event, context), model: "a body" };
  // @ts-expect-error a changed copy has to pass again
  const changed: Shareable<TraceEvent> = copy;
  // @ts-expect-error nothing but the gate makes one
  const made: Shareable<TraceEvent> = plainEvent;
  void [changed, made];
}
