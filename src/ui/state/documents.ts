/**
 * Documents being edited in this page.
 *
 * Each open document is kept three times over: here, in this browser's IndexedDB (so that a reload or a crashed engine
 * loses nothing), and in the engine, which acknowledges what will survive a crash. `kept` says truthfully how far an
 * edit has come. What the engine has not acknowledged is noted by name, and sent when it is back, even if the page was
 * closed meanwhile and the document is not looked at again.
 *
 * Others may have taken the names (clientID and clocks) under which something was typed here, before it got there. What is
 * not acknowledged is therefore always sent from where it begins, and when the engine says that the names are taken, it is
 * written again under others.
 *
 * What the engine will not write is not sent: a document of a newer Operon is followed, and only read.
 */
import { createSignal, type Accessor } from "solid-js";
import { IndexeddbPersistence } from "y-indexeddb";
import * as Y from "yjs";
import type { HereRow } from "../../app/api.ts";
import {
  decodeFrame,
  decodeState,
  encodeFrame,
  encodePlace,
  type DocFrame,
  type PlaceHere,
} from "../../app/channel.ts";
import { fromUtf8, toHex } from "../../base/bytes.ts";
import { systemRandom } from "../../base/random.ts";
import type { Fault } from "../../base/result.ts";
import { canWrite } from "../../crdt/documents.ts";
import { renameTaken } from "../../crdt/rename.ts";
import type { Engine } from "../lib/client.ts";

/** `page`: only in this browser · `saving`: on its way · `machine`: the engine has it. */
export type Kept = "page" | "saving" | "machine";

export interface OpenDocument {
  readonly id: string;
  readonly doc: Y.Doc;
  /** There is something to show: from the engine, or from this browser. */
  readonly ready: Accessor<boolean>;
  readonly kept: Accessor<Kept>;
  /** The engine's sentence when it could not open or write it; `retry` asks again. */
  readonly fault: Accessor<string | null>;
  /** The sentence why it can only be read. */
  readonly readOnly: Accessor<string | null>;
  retry(): void;
  /** Who else has it open now. */
  readonly here: Accessor<readonly HereRow[]>;
  /** Where the person at this page is in it. */
  moveTo(place: PlaceHere): void;
}

export interface DocumentStore {
  /** The same document for everyone who opened it; it is let go when everyone has. */
  open(id: string): OpenDocument;
  close(id: string): void;
}

const FROM_ENGINE = "engine";
/** A mark for each document and tab: what one tab has sent says nothing of what another one has not. */
const UNSENT = "operon.unsent";
const TAB = toHex(systemRandom(8));
/** A browser that does not answer about its storage is not waited for. */
const STORAGE_MS = 1_500;
/** Between two words to the engine about where the person is. */
const PLACE_MS = 50;
/** Whoever takes the names of this page so often at once is not met by drawing others. */
const MAX_RENAMES = 8;

interface Held extends OpenDocument {
  users: number;
  /** Called once everything is acknowledged. */
  whenKept: (() => void) | null;
  receive(frame: DocFrame): void;
  connected(): void;
  lost(): void;
  destroy(): void;
}

export function createDocuments(engine: Engine): DocumentStore {
  const held = new Map<string, Held>();

  engine.onBinary((bytes) => {
    const frame = decodeFrame(bytes);
    if (frame !== null) held.get(frame.doc)?.receive(frame);
  });
  engine.onLost(() => {
    for (const document of held.values()) document.lost();
  });
  engine.onOpen(() => {
    for (const document of held.values()) document.connected();
    for (const id of unsent()) sendInBackground(id);
  });

  function open(id: string): Held {
    const known = held.get(id);
    const document = known ?? hold(engine, id);
    document.users++;
    held.set(id, document);
    return document;
  }

  function close(id: string): void {
    const document = held.get(id);
    if (document === undefined || --document.users > 0) return;
    held.delete(id);
    document.destroy();
  }

  function sendInBackground(id: string): void {
    if (held.has(id)) return;
    const document = open(id);
    document.whenKept = () => close(id);
  }

  return { open, close };
}

function hold(engine: Engine, id: string): Held {
  const doc = new Y.Doc();
  const [ready, setReady] = createSignal(false);
  const [kept, setKept] = createSignal<Kept>("saving");
  const [fault, setFault] = createSignal<string | null>(null);
  const [readOnly, setReadOnly] = createSignal<string | null>(null);
  /** The engine's word that it will not write it, which may be ahead of what the document here says. */
  let refusal: string | null = null;
  let stored = false;
  let exchanged = false;
  let sent = 0;
  let acknowledged = 0;
  /** What these stand for lies in this browser's storage before it is read here, and is sent with what is read. */
  const before = marks(id);
  /** From where this document is not acknowledged; null when all of it is. */
  let begun: Begun | null = begunIn(before);
  /** How often the engine said so since it acknowledged something. */
  let namesTaken = 0;
  const [here, setHere] = createSignal<readonly HereRow[]>([]);
  let place: PlaceHere | null = null;
  let placeTimer: ReturnType<typeof setTimeout> | undefined;

  const storage = new IndexeddbPersistence(`operon:${id}`, doc);
  void Promise.race([
    storage.whenSynced,
    new Promise((resolve) => setTimeout(resolve, STORAGE_MS)),
  ]).then(() => {
    stored = true;
    if (doc.share.size > 0 && doc.store.clients.size > 0) setReady(true);
    connected();
  });

  doc.on("update", (update: Uint8Array, origin: unknown, _: Y.Doc, change: Y.Transaction) => {
    look();
    if (origin === FROM_ENGINE || origin === storage) return;
    begun = { ...begun };
    for (const [client, clock] of change.afterState) {
      const before = change.beforeState.get(client) ?? 0;
      if (clock > before) begun[client] ??= before;
    }
    noteUnsent(id, begun);
    if (exchanged) send(update);
    else if (engine.link().state === "lost") setKept("page");
  });

  function look(): void {
    const writable = canWrite("decision", doc);
    setReadOnly(writable.ok ? refusal : writable.fault.message);
  }

  function connected(): void {
    refusal = null;
    look();
    open();
  }

  function open(): void {
    if (!stored) return;
    exchanged = false;
    setFault(null);
    // What is not acknowledged is held against all that the engine has.
    const vector = Y.encodeStateVector(begun ? new Map() : doc);
    if (!engine.sendBinary(encodeFrame("open", id, 0, vector))) lost();
  }

  function lost(): void {
    exchanged = false;
    setHere([]);
    setFault(null);
    setKept("page");
  }

  function send(update: Uint8Array): void {
    if (engine.sendBinary(encodeFrame("update", id, ++sent, update))) setKept("saving");
    else lost();
  }

  function moveTo(next: PlaceHere): void {
    place = next;
    placeTimer ??= setTimeout(tellPlace, PLACE_MS);
  }

  function tellPlace(): void {
    placeTimer = undefined;
    if (exchanged && place !== null)
      engine.sendBinary(encodeFrame("place", id, 0, encodePlace(place)));
  }

  function receive({ kind, number, payload }: DocFrame): void {
    switch (kind) {
      case "state": {
        const state = decodeState(payload);
        if (state === null) return;
        if (begun) renameTaken(doc, lackedBy(state.vector), state.update, drawClient);
        Y.applyUpdate(doc, state.update, FROM_ENGINE);
        exchanged = true;
        setReady(true);
        tellPlace();
        if (readOnly() === null) send(Y.encodeStateAsUpdate(doc, lackedBy(state.vector)));
        else setKept(begun ? "page" : "machine");
        return;
      }
      case "update":
        Y.applyUpdate(doc, payload, FROM_ENGINE);
        return;
      case "ack":
        acknowledged = Math.max(acknowledged, number);
        if (!exchanged || acknowledged < sent) return;
        setKept("machine");
        begun = null;
        namesTaken = 0;
        forgetUnsent(id, before);
        self.whenKept?.();
        self.whenKept = null;
        return;
      case "here":
        setHere(JSON.parse(fromUtf8(payload)) as readonly HereRow[]);
        return;
      case "refused":
        refused(JSON.parse(fromUtf8(payload)) as Fault);
        return;
      default:
    }
  }

  /** From where the engine is to be sent this document, if it has so much of it. */
  function lackedBy(vector: Uint8Array): Uint8Array {
    const clocks = Y.decodeStateVector(vector);
    for (const [client, clock] of Object.entries(begun ?? {})) {
      const has = clocks.get(Number(client)) ?? 0;
      clocks.set(Number(client), Math.min(has, clock));
    }
    return Y.encodeStateVector(clocks);
  }

  function refused({ type, message }: Fault): void {
    exchanged = false;
    setHere([]);
    setKept("page");
    if (type === "names-taken" && ++namesTaken < MAX_RENAMES) return open();
    if (type !== "newer-schema") return void setFault(message);
    refusal = message;
    look();
    open();
  }

  const self: Held = {
    id,
    doc,
    ready,
    kept,
    fault,
    readOnly,
    retry: connected,
    here,
    moveTo,
    users: 0,
    whenKept: null,
    receive,
    connected,
    lost,
    destroy() {
      clearTimeout(placeTimer);
      engine.sendBinary(encodeFrame("close", id));
      void storage.destroy();
      doc.destroy();
    },
  };
  return self;
}

function drawClient(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] as number;
}

/** Of each clientID the first clock that is not acknowledged. */
type Begun = Record<string, number>;

/** What one tab has that the engine has not. `edits`: how many it had made, so that a later mark differs. */
interface Mark {
  readonly edits: number;
  readonly begun: Begun;
}

/** The documents of which some tab has something that the engine has not acknowledged. */
function unsent(): readonly string[] {
  return [...new Set([...marks().keys()].map((key) => key.split(":")[2] ?? ""))];
}

/** As they were written, by key. */
function marks(id?: string): ReadonlyMap<string, string> {
  try {
    const all = Object.entries(localStorage).filter(
      ([key]) => key.startsWith(`${UNSENT}:`) && (id === undefined || key.endsWith(`:${id}`)),
    );
    return new Map(all as [string, string][]);
  } catch {
    return new Map();
  }
}

/** From where a document is not acknowledged, by all of these marks; null: there is none. */
function begunIn(all: ReadonlyMap<string, string>): Begun | null {
  if (all.size === 0) return null;
  const begun: Begun = {};
  for (const text of all.values())
    for (const [client, clock] of Object.entries(markOf(text).begun))
      begun[client] = Math.min(clock, begun[client] ?? clock);
  return begun;
}

function markOf(text: string | null): Mark {
  try {
    const { edits, begun } = JSON.parse(text ?? "{}") as Partial<Mark>;
    return { edits: edits ?? 0, begun: begun ?? {} };
  } catch {
    return { edits: 0, begun: {} };
  }
}

function keyOf(id: string): string {
  return `${UNSENT}:${TAB}:${id}`;
}

function noteUnsent(id: string, begun: Begun): void {
  try {
    const { edits } = markOf(localStorage.getItem(keyOf(id)));
    const mark: Mark = { edits: edits + 1, begun };
    localStorage.setItem(keyOf(id), JSON.stringify(mark));
  } catch {
    // A browser that keeps nothing: the edit is sent while the page is open.
  }
}

/** All of this tab's is sent, and what others had marked when it was read here; what they noted since is theirs to send. */
function forgetUnsent(id: string, before: ReadonlyMap<string, string>): void {
  try {
    localStorage.removeItem(keyOf(id));
    for (const [key, edits] of before)
      if (localStorage.getItem(key) === edits) localStorage.removeItem(key);
  } catch {
    // As above.
  }
}
