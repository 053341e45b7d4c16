/**
 * Documents that somebody has open: one live Y.Doc each, however many look at it.
 *
 * A change made here is kept first and acknowledged after; it leaves for other devices while the disk is still at it (what
 * they then see and this machine loses comes back from the page, or from them). While one append is under way further
 * changes are gathered into the next. A change that cannot be kept ends the document for all who look at it: what they
 * typed stays with them, and opening it again brings both together.
 *
 * Others' changes are *shown* before they are kept here, or before they are in the team's history at all. Whoever types on
 * top of them refers to them, so they are kept together with what is typed: what is sent can then be read by everybody,
 * wherever the other device has gone.
 */
import * as Y from "yjs";
import { type Bytes, equalBytes } from "../base/bytes.ts";
import type { DocId } from "../base/ids.ts";
import { raise, unwrap } from "../base/result.ts";
import { takesNames } from "../crdt/contradictions.ts";
import { applyUpdates, canWrite, openDoc, type DocKind } from "../crdt/documents.ts";
import { isUpdate } from "../crdt/known.ts";
import type { DocumentListener, OpenDocument } from "./host.ts";

export interface LiveDocsOptions {
  load(id: DocId): Promise<{ readonly kind: DocKind; readonly state: Bytes | null } | null>;
  /** Resolves when the store has it, `kept` once a power loss keeps it. */
  append(id: DocId, update: Bytes): Promise<{ readonly kept: Promise<void> }>;
  /** When the store has it: views and sync are told. */
  onChange(id: DocId, kind: DocKind, update: Bytes): void;
  /** These documents are looked at from now on, and no others. */
  onLooks(docs: ReadonlySet<DocId>): void;
}

export interface LiveDocs {
  open(id: DocId, listener: DocumentListener): Promise<OpenDocument>;
  /** Changes a document, open or not. `change` throws to change nothing. Answers what `change` did. */
  edit<T>(id: DocId, change: (doc: Y.Doc) => T): Promise<T>;
  /** Others' changes that the store does not have yet. They come again, so nothing is lost if it never has them. */
  shown(id: DocId, updates: readonly Bytes[]): void;
  /** Others' changes that the store has now. */
  applied(id: DocId, updates: readonly Bytes[]): void;
}

interface Live {
  readonly id: DocId;
  readonly kind: DocKind;
  readonly doc: Y.Doc;
  readonly listeners: Set<DocumentListener>;
  /** Changes not yet handed to `append`, and who made each. */
  waiting: { readonly update: Bytes; readonly from: unknown }[];
  /** Shown, and not known to be in the store. */
  borrowed: Bytes[];
  /** Settles when all changes made so far are kept. */
  kept: Promise<void>;
  users: number;
  /** Not the document's live one any more: who wants that opens it again. */
  ended: boolean;
}

export function createLiveDocs({ load, append, onChange, onLooks }: LiveDocsOptions): LiveDocs {
  const lives = new Map<DocId, Promise<Live>>();
  const looked = new Set<Live>();

  async function acquire(id: DocId): Promise<Live> {
    let opening = lives.get(id);
    if (opening === undefined) {
      opening = start(id);
      lives.set(id, opening);
      opening.catch(() => lives.delete(id));
    }
    const live = await opening;
    if (live.ended) return acquire(id);
    live.users++;
    return live;
  }

  function release(live: Live): void {
    if (--live.users > 0) return;
    void live.kept
      .catch(() => undefined)
      .then(() => {
        if (live.users === 0) drop(live);
      });
  }

  function drop(live: Live): void {
    end(live);
    live.doc.destroy();
  }

  function end(live: Live): void {
    if (!live.ended) lives.delete(live.id);
    live.ended = true;
  }

  async function start(id: DocId): Promise<Live> {
    const stored = await load(id);
    if (stored === null) raise("no-document", "There is no such document on this machine.");
    const live: Live = {
      id,
      kind: stored.kind,
      doc: openDoc(stored.state),
      listeners: new Set(),
      waiting: [],
      borrowed: [],
      kept: Promise.resolve(),
      users: 0,
      ended: false,
    };
    live.doc.on("update", (update: Uint8Array, from: unknown) => {
      if (from === FROM_OTHERS) tell(live, update as Bytes, null);
      else keep(live, update as Bytes, from);
    });
    return live;
  }

  function keep(live: Live, update: Bytes, from: unknown): void {
    live.waiting.push({ update, from });
    if (live.waiting.length > 1) return;
    live.kept = live.kept.then(async () => {
      const [changes, { borrowed }] = [live.waiting, live];
      live.waiting = [];
      live.borrowed = [];
      const whole = mergeAll([...borrowed, ...changes.map(({ update }) => update)]);
      try {
        const { kept } = await append(live.id, whole);
        onChange(live.id, live.kind, whole);
        await kept;
      } catch (error) {
        abandon(live, error);
        throw error;
      }
      for (const { update: part, from: author } of changes) tell(live, part, author);
    });
    live.kept.catch(() => undefined);
  }

  /** Into the open document, if it is open. */
  function take(id: DocId, updates: readonly Bytes[], change: (live: Live) => void): void {
    void lives.get(id)?.then(
      (live) => {
        if (live.ended) return;
        try {
          applyUpdates(live.doc, updates, FROM_OTHERS);
          change(live);
        } catch (error) {
          abandon(live, error);
        }
      },
      () => undefined,
    );
  }

  function tell(live: Live, update: Bytes, except: unknown): void {
    for (const listener of live.listeners) if (listener !== except) listener.onUpdate(update);
  }

  /** What is in memory is more than what is kept: nobody may go on from it. */
  function abandon(live: Live, error: unknown): void {
    end(live);
    const reason = error instanceof Error ? error : new Error(String(error));
    for (const listener of live.listeners) listener.onFault(reason);
    live.listeners.clear();
    looksChanged(live);
  }

  function looksChanged(live: Live): void {
    const isLookedAt = live.listeners.size > 0;
    if (isLookedAt === looked.has(live)) return;
    if (isLookedAt) looked.add(live);
    else looked.delete(live);
    onLooks(new Set([...looked].map(({ id }) => id)));
  }

  async function use<T>(id: DocId, action: (live: Live) => T): Promise<T> {
    const live = await acquire(id);
    try {
      const answer = action(live);
      await live.kept;
      return answer;
    } finally {
      release(live);
    }
  }

  return {
    async open(id, listener) {
      const live = await acquire(id);
      live.listeners.add(listener);
      looksChanged(live);
      let open = true;
      return {
        vector: () => Y.encodeStateVector(live.doc) as Bytes,
        beyond: (vector) => Y.encodeStateAsUpdate(live.doc, vector) as Bytes,
        async apply(update) {
          if (!isUpdate(update))
            raise("bad-input", "These bytes are no change of a document. Nothing was changed.");
          if (open) unwrap(canWrite(live.kind, live.doc));
          // Yjs would leave it out without a word, and it would be acknowledged.
          if (takesNames(live.doc, update))
            raise(
              "names-taken",
              "Somebody else has written under the name that this window writes with, so what you typed is not kept yet. It stays here: open the document again, and it is kept under another name.",
            );
          applyUpdates(live.doc, [update], listener);
          // Of a change that refers to what is not here yet the document says nothing: it is kept as it came.
          if (lacks(live.doc)) keep(live, update as Bytes, listener);
          await live.kept;
        },
        close() {
          if (!open) return;
          open = false;
          live.listeners.delete(listener);
          looksChanged(live);
          release(live);
        },
      };
    },
    edit: (id, change) => use(id, (live) => change(live.doc)),
    shown: (id, updates) =>
      take(id, updates, (live) => {
        // Some are shown again while they are on their way.
        live.borrowed.push(
          ...updates.filter((update) => !live.borrowed.some((one) => equalBytes(one, update))),
        );
      }),
    // Again, because a document that was opened in between was read without them.
    applied: (id, updates) =>
      take(id, updates, (live) => {
        live.borrowed = live.borrowed.filter(
          (one) => !updates.some((update) => equalBytes(one, update)),
        );
      }),
  };
}

const FROM_OTHERS = Symbol("from others");

function lacks({ store }: Y.Doc): boolean {
  return store.pendingStructs !== null || store.pendingDs !== null;
}

function mergeAll(updates: readonly Bytes[]): Bytes {
  return updates.length === 1 ? (updates[0] as Bytes) : (Y.mergeUpdates([...updates]) as Bytes);
}
