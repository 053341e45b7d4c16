/** Applies batches as a store does, in memory: the rules are those of `CaptureBatch`. */
import type { EventId, SessionId } from "../../src/base/ids.ts";
import {
  NO_TOKENS,
  type CaptureBatch,
  type CapturedEvent,
  type FileState,
  type ModelCall,
  type SessionFacts,
  type SessionRef,
  type Tokens,
} from "../../src/base/session.ts";
import { applyPatch } from "../../src/capture/findings.ts";
import type { CaptureStep } from "../../src/capture/scan.ts";
import type { Partial } from "../../src/capture/walk.ts";

interface Owned<T> {
  readonly session: SessionId;
  readonly file: string;
  value: T;
}

export interface LedgerSession extends SessionRef {
  facts: SessionFacts;
  parent: SessionId | null;
}

export class Ledger {
  readonly sessions = new Map<SessionId, LedgerSession>();
  readonly events = new Map<EventId, Owned<CapturedEvent>>();
  readonly calls = new Map<string, Owned<ModelCall>>();
  readonly files = new Map<string, FileState>();
  partial: Partial[] = [];
  bytesRead = 0;
  unchanged = 0;
  batches = 0;

  async take(steps: AsyncIterable<CaptureStep>): Promise<this> {
    this.partial = [];
    this.bytesRead = 0;
    this.batches = 0;
    for await (const step of steps) {
      if (step.type === "batch") this.apply(step.batch);
      if (step.type === "partial") this.partial.push(step.partial);
      if (step.type === "unchanged") this.unchanged = step.files;
    }
    return this;
  }

  apply(batch: CaptureBatch): void {
    this.batches++;
    this.bytesRead += batch.bytesRead;
    if (batch.restart) this.withdraw(batch.file.path);
    if (batch.only !== undefined) this.keepOnly(batch.file.path, new Set(batch.only));
    const session = this.sessions.get(batch.ref.id) ?? { ...batch.ref, facts: {}, parent: null };
    this.sessions.set(batch.ref.id, session);
    session.facts = { ...session.facts, ...batch.facts };
    for (const event of batch.events) {
      const known = this.events.get(event.id);
      if (known === undefined) {
        this.events.set(event.id, {
          session: batch.ref.id,
          file: batch.file.path,
          value: structuredClone(event),
        });
      } else if (known.session === batch.ref.id) known.value = structuredClone(event);
      else session.parent = known.session;
    }
    for (const patch of batch.patches) {
      const known = this.events.get(patch.id);
      if (known?.session === batch.ref.id) applyPatch(known.value, patch);
    }
    for (const call of batch.calls) this.addCall(call, batch);
    this.files.set(batch.file.path, batch.file);
  }

  session(sourceId: string): LedgerSession {
    const found = [...this.sessions.values()].filter((session) => session.sourceId === sourceId);
    if (found.length !== 1) throw new Error(`${found.length} sessions ${sourceId}`);
    return found[0] as LedgerSession;
  }

  /** In reading order; of a lane if one is given. */
  eventsOf(sourceId: string, lane?: string | null): CapturedEvent[] {
    const id = this.session(sourceId).id;
    return [...this.events.values()]
      .filter((event) => event.session === id && (lane === undefined || event.value.lane === lane))
      .map((event) => event.value)
      .toSorted((a, b) => (a.lane ?? "").localeCompare(b.lane ?? "") || a.order - b.order);
  }

  callsOf(sourceId: string): ModelCall[] {
    const id = this.session(sourceId).id;
    return [...this.calls.values()].filter((call) => call.session === id).map((call) => call.value);
  }

  usageOf(sourceId: string): { calls: number; tokens: Tokens; costNanoUsd: number | null } {
    const calls = this.callsOf(sourceId);
    const sum = (field: keyof Tokens) =>
      calls.reduce((total, call) => total + call.tokens[field], 0);
    const tokens = Object.fromEntries(
      Object.keys(NO_TOKENS).map((field) => [field, sum(field as keyof Tokens)]),
    );
    const costs = calls.map((call) => call.costNanoUsd);
    const costNanoUsd = costs.includes(null)
      ? null
      : costs.reduce((total: number, cost) => total + (cost ?? 0), 0);
    return { calls: calls.length, tokens: tokens as unknown as Tokens, costNanoUsd };
  }

  /** All that matters to a reader of the store, to compare two ledgers. */
  content(): unknown {
    const byKey = <T>(entries: Iterable<[string, T]>) =>
      [...entries].toSorted(([a], [b]) => (a < b ? -1 : 1));
    return {
      sessions: byKey(this.sessions),
      events: byKey([...this.events].map(([id, event]) => [id, [event.session, event.value]])),
      calls: byKey([...this.calls].map(([key, call]) => [key, [call.session, call.value]])),
    };
  }

  private addCall(call: ModelCall, { ref, file }: CaptureBatch): void {
    const key = `${ref.agent} ${call.key}`;
    const known = this.calls.get(key);
    if (known !== undefined) {
      if (call.tokens.output > known.value.tokens.output) known.value = call;
      return;
    }
    if (ref.agent === "claude-code") {
      const message = `${ref.agent} ${call.key.slice(0, call.key.indexOf("/") + 1)}`;
      for (const [other, { value }] of this.calls) {
        if (!other.startsWith(message)) continue;
        if (call.lane !== null && value.lane === null) return;
        if (call.lane === null && value.lane !== null) this.calls.delete(other);
      }
    }
    this.calls.set(key, { session: ref.id, file: file.path, value: call });
  }

  private keepOnly(path: string, kept: ReadonlySet<EventId>): void {
    for (const [id, event] of this.events)
      if (event.file === path && !kept.has(id)) this.events.delete(id);
  }

  private withdraw(path: string): void {
    for (const [id, event] of this.events) if (event.file === path) this.events.delete(id);
    for (const [key, call] of this.calls) if (call.file === path) this.calls.delete(key);
  }
}
