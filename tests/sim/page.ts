/**
 * A window that has one document open: a Y.Doc of its own with its own undo, as the page keeps it. What is typed goes to
 * the device's process and is *acknowledged* once that says it is kept. The window outlives the process, and brings what was
 * not acknowledged to the next one.
 */
import * as Y from "yjs";
import type { Bytes } from "../../src/base/bytes.ts";
import type { DocId } from "../../src/base/ids.ts";
import type { OpenDocument } from "../../src/app/host.ts";
import type { LiveDocs } from "../../src/app/livedocs.ts";
import { applyUpdates } from "../../src/crdt/documents.ts";
import type { Dice } from "./dice.ts";

const FROM_ENGINE = "engine";
/** Those of a Y.Text and of a Y.Map that the simulated person types in. */
export const TEXT = "context";
export const FIELDS = "fields";

export class Page {
  readonly id: DocId;
  readonly doc = new Y.Doc();
  readonly #dice: Dice;
  readonly #undo: Y.UndoManager;
  readonly #onKept: (update: Bytes) => void;
  #clientId: number;
  #open: OpenDocument | null = null;
  #unkept: Bytes[] = [];
  #closed = false;

  constructor(id: DocId, dice: Dice, onKept: (update: Bytes) => void) {
    this.id = id;
    this.#dice = dice;
    this.#onKept = onKept;
    this.#clientId = this.#newClient();
    const scope = [this.doc.getText(TEXT), this.doc.getMap(FIELDS)];
    // Each change is one step: otherwise the wall clock decides.
    this.#undo = new Y.UndoManager(scope, { captureTimeout: 0, trackedOrigins: new Set([this]) });
    this.doc.on("update", (update: Uint8Array, origin: unknown) => {
      if (origin !== FROM_ENGINE) this.#typed(update as Bytes);
    });
  }

  async connect(docs: LiveDocs): Promise<void> {
    const open = await docs.open(this.id, {
      onUpdate: (update) => this.#take(update),
      onFault: () => void (this.#open = null),
    });
    if (this.#closed) return open.close();
    this.#open = open;
    this.#take(open.beyond(Y.encodeStateVector(this.doc)));
    // Always: it may have been shown what the process before never kept.
    await this.#send(Y.encodeStateAsUpdate(this.doc, open.vector()), this.#unkept);
  }

  /** The process is gone. */
  disconnect(): void {
    this.#open = null;
  }

  close(): void {
    this.#closed = true;
    this.#open?.close();
    this.#open = null;
    this.#undo.destroy();
    this.doc.destroy();
  }

  get unkept(): boolean {
    return this.#unkept.length > 0;
  }

  get connected(): boolean {
    return this.#open !== null;
  }

  change(change: (doc: Y.Doc) => void): void {
    this.doc.transact(() => change(this.doc), this);
  }

  undo(): void {
    this.#undo.undo();
  }

  redo(): void {
    this.#undo.redo();
  }

  #typed(update: Bytes): void {
    this.#unkept.push(update);
    if (this.#open) void this.#send(update, [update]);
  }

  /** `kept`: what is acknowledged by it. */
  async #send(update: Uint8Array, kept: readonly Bytes[]): Promise<void> {
    const all = [...kept];
    const open = this.#open;
    if (!open) return;
    try {
      await open.apply(update);
    } catch {
      return;
    }
    for (const one of all) if (this.#unkept.includes(one)) this.#onKept(one);
    this.#unkept = this.#unkept.filter((one) => !all.includes(one));
  }

  #take(update: Uint8Array): void {
    applyUpdates(this.doc, [update], FROM_ENGINE);
    // Yjs takes a random one when somebody else writes under this page's.
    if (this.doc.clientID !== this.#clientId) this.#clientId = this.#newClient();
  }

  #newClient(): number {
    this.doc.clientID = this.#dice.clientId();
    return this.doc.clientID;
  }
}
