/**
 * One session being read: its events, kept up with by revision, their bodies, fetched for what is on screen, and what
 * is folded. An event object changes identity only when the engine changed it, so a row on screen stays as it is while
 * the session grows.
 */
import { batch, createMemo, createSignal, onCleanup, type Accessor } from "solid-js";
import { createStore } from "solid-js/store";
import type { EventRow } from "../../app/api.ts";
import type { Part, PartName } from "../../base/session.ts";
import type { Engine } from "../lib/client.ts";
import { outline, openByDefault, type Outline } from "../lib/outline.ts";
import { isNotFound, sentence } from "./engine.ts";

export type Bodies = Partial<Record<PartName, string>>;

export interface TraceStore {
  readonly session: string;
  readonly events: Accessor<ReadonlyMap<string, EventRow>>;
  readonly outline: Accessor<Outline>;
  readonly loaded: Accessor<boolean>;
  readonly fault: Accessor<string | null>;
  /** Of an event on screen: null until they are here. Asking for them fetches them. */
  bodies(event: EventRow): Bodies | null;
  isOpen(key: string): boolean;
  setOpen(key: string, open: boolean): void;
  /** Opens everything that hides this event. */
  reveal(event: string): void;
  again(): void;
}

interface Held {
  readonly partBytes: number;
  readonly bodies: Bodies;
}

/** Bodies asked for in one request. */
const MAX_BATCH = 40;
const MAX_BATCH_BYTES = 1_000_000;
const MAX_HELD = 600;
const GATHER_MS = 16;

export function createTrace(engine: Engine, session: string, live: Accessor<boolean>): TraceStore {
  const [events, setEvents] = createSignal<ReadonlyMap<string, EventRow>>(new Map());
  const [loaded, setLoaded] = createSignal(false);
  const [fault, setFault] = createSignal<string | null>(null);
  const [folds, setFolds] = createStore<Record<string, boolean>>({});
  const stoodOpen = new Set<string>();
  const structure = createMemo(() => outline([...events().values()]));
  let rev = 0;
  let asking = false;
  let askAgain = false;

  async function follow(): Promise<void> {
    if (asking) {
      askAgain = true;
      return;
    }
    asking = true;
    do {
      askAgain = false;
      try {
        const answer = await engine.call("events", { session, since: rev });
        rev = answer.rev;
        batch(() => {
          if (answer.events.length + answer.removed.length > 0)
            setEvents(merged(events(), answer.events, answer.removed));
          setLoaded(true);
          setFault(null);
        });
      } catch (error) {
        batch(() => {
          // What a teammate took back does not stay on screen either.
          if (isNotFound(error)) {
            setEvents(new Map());
            rev = 0;
          }
          setFault(sentence(error));
        });
      }
    } while (askAgain);
    asking = false;
  }

  onCleanup(
    engine.subscribe((push) => {
      if (push.topic === "session" && push.id === session && push.rev !== rev) void follow();
    }),
  );
  onCleanup(engine.onReopen(() => void follow()));
  void follow();

  const bodyStore = createBodies(engine, session);

  /** What was open stays so: nothing folds under a reader's eyes because the session grew or came to rest. */
  function isOpen(key: string): boolean {
    const chosen = folds[key];
    if (chosen !== undefined) return chosen;
    if (stoodOpen.has(key)) return true;
    const open = openByDefault(key, structure(), live());
    if (open) stoodOpen.add(key);
    return open;
  }

  return {
    session,
    events,
    outline: structure,
    loaded,
    fault,
    bodies: bodyStore.bodies,
    isOpen,
    setOpen: (key, open) => setFolds(key, open),
    reveal(event) {
      for (const key of structure().hiddenBy(event)) if (!isOpen(key)) setFolds(key, true);
    },
    again: () => void follow(),
  };
}

function createBodies(engine: Engine, session: string): { bodies(event: EventRow): Bodies | null } {
  const [held, setHeld] = createStore<Record<string, Held | undefined>>({});
  const order: string[] = [];
  const wanted = new Map<string, number>();
  const asked = new Map<string, number>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  onCleanup(() => clearTimeout(timer));
  onCleanup(engine.onReopen(() => asked.clear()));

  async function fetchWanted(): Promise<void> {
    timer = undefined;
    const ids = nextBatch(wanted);
    for (const [id, size] of ids) {
      wanted.delete(id);
      asked.set(id, size);
    }
    if (wanted.size > 0) timer = setTimeout(() => void fetchWanted(), GATHER_MS);
    try {
      const answer = await engine.call("bodies", { session, events: ids.map(([id]) => id) });
      batch(() => {
        for (const [id, partBytes] of ids)
          hold(id, { partBytes, bodies: byName(answer[id] ?? []) });
      });
    } catch {
      for (const [id] of ids) asked.delete(id);
    }
  }

  function hold(id: string, value: Held): void {
    setHeld(id, value);
    order.push(id);
    if (order.length <= MAX_HELD) return;
    const oldest = order.shift() as string;
    if (order.includes(oldest)) return;
    asked.delete(oldest);
    setHeld(oldest, undefined);
  }

  return {
    bodies(event) {
      const known = held[event.id];
      if (event.partBytes !== asked.get(event.id) && event.parts.length > 0) {
        wanted.set(event.id, event.partBytes);
        timer ??= setTimeout(() => void fetchWanted(), GATHER_MS);
      }
      return known?.bodies ?? null;
    },
  };
}

/** As many as make a frame of a sensible size, and at least one. */
function nextBatch(wanted: ReadonlyMap<string, number>): [string, number][] {
  const ids: [string, number][] = [];
  let sum = 0;
  for (const [id, size] of wanted) {
    sum += size;
    if (ids.length > 0 && (ids.length === MAX_BATCH || sum > MAX_BATCH_BYTES)) break;
    ids.push([id, size]);
  }
  return ids;
}

function byName(parts: readonly Part[]): Bodies {
  const bodies: Bodies = {};
  for (const { name, body } of parts)
    bodies[name] = name in bodies ? `${bodies[name]}\n${body}` : body;
  return bodies;
}

function merged(
  known: ReadonlyMap<string, EventRow>,
  fresh: readonly EventRow[],
  removed: readonly string[],
): ReadonlyMap<string, EventRow> {
  const next = new Map(known);
  for (const id of removed) next.delete(id);
  for (const event of fresh) next.set(event.id, event);
  return next;
}
