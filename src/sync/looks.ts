/**
 * The documents that somebody looks at, and the channels of their streams: a row goes there when it is sealed, and those
 * who look at the same document show it before it has a place in the stream.
 *
 * What comes this way is only shown. It has to be what a row in the stream has to be (a listed device wrote it, for this
 * stream, this epoch and a document that is here), but its place among others is not known: nothing is counted or
 * kept by it, no alarm comes of it, and what cannot be shown is left for the stream to bring. Beside rows go presence
 * messages (`presence.ts`): who is there, of those who look at the same document.
 */
import { type Bytes, toHex, utf8 } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import type { DocId } from "../base/ids.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import { never } from "../base/result.ts";
import { contradicting } from "../crdt/contradictions.ts";
import { inapplicable, snapshotOf } from "../crdt/documents.ts";
import { isUpdate } from "../crdt/known.ts";
import type { DeviceIdentity } from "../crypto/device.ts";
import { ID_BYTES } from "../crypto/hash.ts";
import { peekHeader } from "../crypto/header.ts";
import type { Person } from "../crypto/log/person.ts";
import { CARET_MAX_BYTES, FIELD_MAX_BYTES, presenceDigest } from "../crypto/presence.ts";
import { channelTag, wireDocumentId } from "../crypto/team.ts";
import type { After } from "./pacing.ts";
import type { StreamRef, SyncStore } from "./ports.ts";
import { type HereDevice, type Place, Presence } from "./presence.ts";
import { type Change, type SealedRow, sealPresence, unsealPresence, unsealRow } from "./seal.ts";
import { sameStream, streamKey } from "./streams.ts";
import type { Team } from "./team/team.ts";
import { type Heard, LIVE_MAX_BYTES, type Look, type Transport } from "./transport.ts";

/** Somebody's device where a document is looked at now. */
export interface Here extends HereDevice {
  /** Whose it is, as the team's log has it. */
  readonly member: string;
  readonly person: Person | null;
}

export interface LooksOptions {
  readonly store: Pick<SyncStore, "document" | "state">;
  readonly transport: Pick<Transport, "look">;
  readonly team: Team;
  readonly device: DeviceIdentity;
  readonly clock: Clock;
  readonly after: After;
  readonly random: Random;
  readonly log: Log;
  readonly onShown: (doc: DocId, updates: readonly Bytes[]) => void;
  /** Who else looks at the document from now on, and where they are in it. */
  readonly onHere: (doc: DocId, here: readonly Here[]) => void;
  /** Somebody here has had another state of the document for a while. */
  readonly onApart: (doc: DocId) => void;
}

interface Watched {
  readonly stream: StreamRef;
  readonly wireId: string;
  readonly presence: Presence;
}

interface Channel {
  look: Look | null;
  joined: boolean;
}

const NOWHERE: Place = { field: null, caret: null };

export class Looks {
  readonly #options: LooksOptions;
  readonly #channels = new Map<string, Channel>();
  readonly #watched = new Map<DocId, Watched>();
  readonly #places = new Map<DocId, Place>();
  readonly #replica: string;
  #counter = 0;
  #documents: ReadonlySet<DocId> = new Set();
  #live = false;

  constructor(options: LooksOptions) {
    this.#options = options;
    this.#replica = toHex(options.random(ID_BYTES));
  }

  lookAt(docs: ReadonlySet<DocId>): void {
    this.#documents = docs;
    for (const doc of this.#places.keys()) if (!docs.has(doc)) this.#places.delete(doc);
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

  /** Rows that were sealed here. A large update is for the stream alone. */
  sealed(stream: StreamRef, rows: readonly SealedRow[]): void {
    const channel = this.#channels.get(streamKey(stream));
    for (const { row, change } of rows)
      if (change.parts === 1 && row.length <= LIVE_MAX_BYTES) channel?.look?.send("row", row);
  }

  /** Where the person at this device is in a document that is looked at. What is too long to be told is left out. */
  moveTo(doc: DocId, { field, caret }: Place): void {
    if (!this.#documents.has(doc)) return;
    const named = field !== null && field !== "" && utf8(field).length <= FIELD_MAX_BYTES;
    const ends = named && caret ? [caret.anchor.length, caret.head.length] : [0];
    const fits = Math.min(...ends) > 0 && Math.max(...ends) <= CARET_MAX_BYTES;
    const place = { field: named ? field : null, caret: fits ? caret : null };
    this.#places.set(doc, place);
    this.#watched.get(doc)?.presence.moveTo(place);
  }

  /** The document has grown here. */
  changed(doc: DocId): void {
    this.#watched.get(doc)?.presence.changed();
  }

  /** How many others look at it. */
  othersAt(doc: DocId): number {
    return this.#watched.get(doc)?.presence.others ?? 0;
  }

  /** The team's log may have grown: whoever was removed is not here. */
  membersChanged(): void {
    for (const { presence } of this.#watched.values())
      presence.keep((device) => this.#options.team.writes(device));
  }

  #closeAll(): void {
    for (const doc of this.#watched.keys()) this.#unwatch(doc);
    for (const { look } of this.#channels.values()) look?.close();
    this.#channels.clear();
  }

  /** Channels of the streams looked at, and no others. */
  async #arrange(): Promise<void> {
    const { store, transport, team } = this.#options;
    const docs = this.#documents;
    const wanted = new Map<string, StreamRef>();
    const streams = new Map<DocId, StreamRef>();
    for (const doc of docs) {
      const stream = (await store.document(doc))?.stream;
      if (stream?.team !== team.id) continue;
      wanted.set(streamKey(stream), stream);
      streams.set(doc, stream);
    }
    if (!this.#live || docs !== this.#documents) return;
    for (const [doc, { stream }] of this.#watched) {
      const now = streams.get(doc);
      if (!now || !sameStream(now, stream)) this.#unwatch(doc);
    }
    for (const [key, channel] of this.#channels) {
      if (wanted.has(key)) continue;
      channel.look?.close();
      this.#channels.delete(key);
    }
    for (const [key, stream] of wanted) {
      if (this.#channels.has(key)) continue;
      const tag = channelTag(team.keys.newest, stream.project);
      const channel: Channel = { look: null, joined: false };
      // A channel that was closed may still speak.
      const hears = (heard: Heard) => {
        if (this.#channels.get(key) === channel) this.#hear(stream, channel, heard);
      };
      this.#channels.set(key, channel);
      channel.look = transport.look(stream, tag, hears);
    }
    for (const [doc, stream] of streams) if (!this.#watched.has(doc)) this.#watch(doc, stream);
  }

  #watch(doc: DocId, stream: StreamRef): void {
    const { team, device, random, store, onHere, onApart } = this.#options;
    const keys = team.keys.newest;
    const wireId = wireDocumentId(keys, doc);
    const channel = this.#channels.get(streamKey(stream));
    const author = { keys, device, replica: this.#replica };
    const presence = new Presence(
      {
        ...this.#options,
        count: () => ++this.#counter,
        say: (said) =>
          channel?.look?.send(
            "presence",
            sealPresence(author, stream, { ...said, document: wireId }, random),
          ),
        onHere: (here) =>
          onHere(
            doc,
            here.map((each) => ({ ...each, ...this.#whose(each.device) })),
          ),
        digest: async () => {
          const held = await store.state(doc);
          return held && presenceDigest(keys, wireId, snapshotOf(held.state));
        },
        onApart: () => onApart(doc),
      },
      this.#places.get(doc) ?? NOWHERE,
    );
    this.#watched.set(doc, { stream, wireId, presence });
    if (channel?.joined) presence.joined();
  }

  #unwatch(doc: DocId): void {
    const watched = this.#watched.get(doc);
    this.#watched.delete(doc);
    watched?.presence.close();
    if (watched) this.#options.onHere(doc, []);
  }

  #whose(device: string): Pick<Here, "member" | "person"> {
    const { team } = this.#options;
    return {
      member: team.state.devices.get(device)?.member ?? "",
      person: team.personAt(device),
    };
  }

  #hear(stream: StreamRef, channel: Channel, heard: Heard): void {
    switch (heard.is) {
      case "ready":
        channel.joined = true;
        for (const { presence } of this.#watchedIn(stream)) presence.joined();
        return;
      case "row":
        return this.#inBackground(this.#hearRow(stream, heard.bytes));
      case "presence":
        return this.#hearPresence(stream, heard.bytes);
      default:
        never(heard);
    }
  }

  #watchedIn(stream: StreamRef): readonly Watched[] {
    return [...this.#watched.values()].filter((each) => sameStream(each.stream, stream));
  }

  #hearPresence(stream: StreamRef, message: Bytes): void {
    const { team, device } = this.#options;
    const said = unsealPresence(message, stream, team.keys.newest, (of) =>
      of !== device.id && team.writes(of) ? team.signKeyOf(of) : null,
    );
    if (!said) return;
    const watched = this.#watchedIn(stream).find(({ wireId }) => wireId === said.document);
    watched?.presence.hear(said);
  }

  /** A store that fails costs the short way and nothing else: the stream brings the rows. */
  #inBackground(work: Promise<void>): void {
    work.catch((error: unknown) => this.#options.log("warn", "looks", { reason: String(error) }));
  }

  async #hearRow(stream: StreamRef, row: Bytes): Promise<void> {
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
