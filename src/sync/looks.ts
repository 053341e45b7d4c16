/**
 * The documents that somebody looks at, and the channels of their streams: a row goes there when it is sealed, and those
 * who look at the same document show it before it has a place in the stream.
 *
 * What comes this way is only shown. It has to be what a row in the stream has to be (a listed device wrote it, for this
 * stream, this epoch and a document that is here), but its place among others is not known: nothing is counted or
 * kept by it, no alarm comes of it, and what cannot be shown is left for the stream to bring.
 */
import type { Bytes } from "../base/bytes.ts";
import type { DocId } from "../base/ids.ts";
import type { Log } from "../base/log.ts";
import { contradicting } from "../crdt/contradictions.ts";
import { inapplicable } from "../crdt/documents.ts";
import { isUpdate } from "../crdt/known.ts";
import { peekHeader } from "../crypto/header.ts";
import { channelTag } from "../crypto/team.ts";
import type { StreamRef, SyncStore } from "./ports.ts";
import { type Change, type SealedRow, unsealRow } from "./seal.ts";
import { sameStream, streamKey } from "./streams.ts";
import type { Team } from "./team/team.ts";
import { LIVE_MAX_BYTES, type Look, type Transport } from "./transport.ts";

export interface LooksOptions {
  readonly store: Pick<SyncStore, "document" | "state">;
  readonly transport: Pick<Transport, "look">;
  readonly team: Team;
  readonly log: Log;
  readonly onShown: (doc: DocId, updates: readonly Bytes[]) => void;
}

export class Looks {
  readonly #options: LooksOptions;
  readonly #channels = new Map<string, Look>();
  #documents: ReadonlySet<DocId> = new Set();
  #live = false;

  constructor(options: LooksOptions) {
    this.#options = options;
  }

  lookAt(docs: ReadonlySet<DocId>): void {
    this.#documents = docs;
    this.#inBackground(this.#arrange());
  }

  start(): void {
    this.#live = true;
    this.#inBackground(this.#arrange());
  }

  stop(): void {
    this.#live = false;
    this.#closeAll();
  }

  /** In each epoch the channels have other names: who was removed stays behind on the old ones. */
  epochChanged(): void {
    this.#closeAll();
    this.#inBackground(this.#arrange());
  }

  #closeAll(): void {
    for (const channel of this.#channels.values()) channel.close();
    this.#channels.clear();
  }

  /** Rows that were just sealed. A large update is for the stream alone. */
  sealed(stream: StreamRef, rows: readonly SealedRow[]): void {
    const [row] = rows;
    if (rows.length !== 1 || !row || row.row.length > LIVE_MAX_BYTES) return;
    this.#channels.get(streamKey(stream))?.send(row.row);
  }

  /** Channels of the streams looked at, and no others. */
  async #arrange(): Promise<void> {
    const { store, transport, team } = this.#options;
    const docs = this.#documents;
    const wanted = new Map<string, StreamRef>();
    for (const doc of docs) {
      const stream = (await store.document(doc))?.stream;
      if (stream?.team === team.id) wanted.set(streamKey(stream), stream);
    }
    if (!this.#live || docs !== this.#documents) return;
    for (const [key, channel] of this.#channels) {
      if (wanted.has(key)) continue;
      channel.close();
      this.#channels.delete(key);
    }
    for (const [key, stream] of wanted) {
      if (this.#channels.has(key)) continue;
      const tag = channelTag(team.keys.newest, stream.project);
      this.#channels.set(
        key,
        transport.look(stream, tag, (row) => this.#inBackground(this.#hear(stream, row))),
      );
    }
  }

  /** A store that fails costs the short way and nothing else: the stream brings the rows. */
  #inBackground(work: Promise<void>): void {
    work.catch((error: unknown) => this.#options.log("warn", "looks", { reason: String(error) }));
  }

  async #hear(stream: StreamRef, row: Bytes): Promise<void> {
    const change = this.#open(stream, row);
    if (!change || !this.#documents.has(change.doc)) return;
    const { store, onShown } = this.#options;
    const held = await store.state(change.doc);
    if (!held?.stream || !sameStream(held.stream, stream) || held.kind !== change.kind) return;
    const update = [change.body];
    if (inapplicable(held.state, update).size > 0 || contradicting(held.state, update).size > 0)
      return;
    onShown(change.doc, update);
  }

  /** A trace is not typed in, so its rows are not shown this way. */
  #open(stream: StreamRef, row: Bytes): Change | null {
    const { team } = this.#options;
    const keys = team.keys.newest;
    if (row.length > LIVE_MAX_BYTES) return null;
    const header = peekHeader(row);
    if (!header.ok || header.value.epoch !== keys.epoch) return null;
    const signKey = team.signKeyOf(header.value.device);
    if (!signKey || !team.writes(header.value.device)) return null;
    const opened = unsealRow(row, stream, { by: "signature", signKey }, keys);
    if (!opened.ok) return null;
    const { change } = opened.value;
    return change.kind !== "trace" && change.parts === 1 && isUpdate(change.body) ? change : null;
  }
}
