/**
 * Rows as devices make them: three devices edit Yjs documents of every kind, letter by letter and in large pieces, and what is
 * pending is sealed by `sealUpdate`, each row in its chain and after the newest place of its stream. The same in every run.
 */
import * as Y from "yjs";
import { type Bytes, toHex } from "../../src/base/bytes.ts";
import type { DocId } from "../../src/base/ids.ts";
import type { DocKind } from "../../src/crdt/documents.ts";
import { EMPTY_KNOWN, foldKnown, type Known, pendingUpdate } from "../../src/crdt/known.ts";
import { createDevice, type DeviceIdentity } from "../../src/crypto/device.ts";
import { createTeamKeys } from "../../src/crypto/team.ts";
import type { Cursor, StreamRef } from "../../src/sync/ports.ts";
import { type SealedRow, sealUpdate, type Tail } from "../../src/sync/seal.ts";
import { advance, START, streamKey } from "../../src/sync/streams.ts";
import { seededRandom } from "../crypto/samples.ts";
import { Dice } from "../sim/dice.ts";
import { PROJECT_STREAM, TEAM, TEAM_STREAM } from "./team.ts";

export const keys = createTeamKeys(TEAM, seededRandom("real rows"));
export const devices: readonly DeviceIdentity[] = ["ada", "ben", "cy"].map((name) =>
  createDevice(seededRandom(`real rows of ${name}`)),
);

export interface RealRow extends SealedRow {
  readonly stream: StreamRef;
  readonly device: DeviceIdentity;
  /** Its place in the stream. */
  readonly n: number;
}

export interface RealRows {
  readonly rows: readonly RealRow[];
  /** What the writers' documents hold in the end. */
  readonly documents: ReadonlyMap<DocId, Y.Doc>;
}

interface Written {
  readonly id: DocId;
  readonly kind: DocKind;
  readonly stream: StreamRef;
  /** Each device's own copy; of a trace only its owner's. */
  readonly copies: readonly { readonly device: DeviceIdentity; readonly doc: Y.Doc }[];
  known: Known;
}

const EDITS: readonly (readonly [weight: number, edit: (doc: Y.Doc, dice: Dice) => void])[] = [
  [60, typeLetter],
  [14, erase],
  [8, (doc, dice) => void doc.getMap("fields").set(dice.pick(["status", "date"]), dice.below(9))],
  [4, (doc, dice) => void doc.getMap("options").set(`o${dice.below(4)}`, option(dice))],
  [3, (doc, dice) => doc.getArray("tags").push([dice.pick(["one", "two"]), null, 1.5, [true]])],
  [3, (doc, dice) => doc.getArray("tags").delete(0, dice.below(1 + doc.getArray("tags").length))],
  [2, (doc, dice) => doc.getText("title").insert(0, dice.pick(["🌊", "Zürich ", "\u0000"]))],
  [1, (doc, dice) => doc.getText("context").insert(0, "the same words ".repeat(dice.below(200)))],
  [1, (doc, dice) => void doc.getMap("fields").set("blob", dice.bytes(dice.below(3000)))],
];

/** `count` rows. Every 150th change is so large that it goes in parts. */
export function realRows(count: number): RealRows {
  const dice = new Dice("real rows");
  const written = [
    writing("dec_1", "decision", TEAM_STREAM),
    writing("dec_2", "decision", PROJECT_STREAM),
    writing("notes_1", "notes", PROJECT_STREAM),
    writing("project_1", "project", TEAM_STREAM),
    ...devices.map((device, i) => writing(`trace_${i}`, "trace", PROJECT_STREAM, [device])),
  ];
  const heads = new Map<string, Cursor>();
  const tails = new Map<string, Tail>();
  const replicas = new Map(devices.map((device) => [device, toHex(dice.bytes(16))]));
  const rows: RealRow[] = [];
  for (let step = 1; rows.length < count; step++) {
    const document = dice.pick(written);
    const { device, doc } = dice.pick(document.copies);
    // A process ends now and then, and the next one has a new replica.
    if (dice.chance(0.01)) replicas.set(device, toHex(dice.bytes(16)));
    if (step % 150 === 0) doc.getText("context").insert(0, "many words, and again ".repeat(15_000));
    else if (document.kind === "trace") record(doc, step, dice);
    else change(doc, dice);
    const update = pendingUpdate(doc, document.known);
    if (update === null) continue;
    document.known = foldKnown(document.known, update);
    for (const { doc: other } of document.copies) Y.applyUpdate(other, update);
    const replica = replicas.get(device) as string;
    const chain = `${replica}/${document.id}`;
    const head = heads.get(streamKey(document.stream)) ?? START;
    const author = { keys, device, replica };
    const target = { doc: document.id, kind: document.kind, stream: document.stream };
    const tail = tails.get(chain) ?? null;
    let place = head;
    for (const row of sealUpdate(author, target, update, tail, head, dice.bytes)) {
      tails.set(chain, { seq: row.header.seq, hash: row.hash });
      place = advance(place, row.hash);
      rows.push({ ...row, stream: document.stream, device, n: place.n });
    }
    heads.set(streamKey(document.stream), place);
  }
  const documents = written.map(({ id, copies }) => [id, copies[0]?.doc as Y.Doc] as const);
  return { rows, documents: new Map(documents) };

  function writing(id: string, kind: DocKind, stream: StreamRef, by = devices): Written {
    const copies = by.map((device) => {
      const doc = new Y.Doc();
      doc.clientID = dice.clientId();
      return { device, doc };
    });
    return { id: id as DocId, kind, stream, copies, known: EMPTY_KNOWN };
  }
}

/** Three rows that deflate cannot shrink, two of them of the largest size there is. */
export function largestRows(): readonly SealedRow[] {
  const doc = new Y.Doc();
  doc.clientID = 7;
  doc.getMap("fields").set("blob", new Dice("largest").bytes(300_000));
  const author = { keys, device: devices[0] as DeviceIdentity, replica: "ab".repeat(16) };
  const target = { doc: "dec_1" as DocId, kind: "decision", stream: TEAM_STREAM } as const;
  const update = Y.encodeStateAsUpdate(doc) as Bytes;
  return sealUpdate(author, target, update, null, START, seededRandom("largest"));
}

function change(doc: Y.Doc, dice: Dice): void {
  let left = dice.below(EDITS.reduce((sum, [weight]) => sum + weight, 0));
  const found = EDITS.find(([weight]) => (left -= weight) < 0);
  doc.transact(() => found?.[1](doc, dice));
}

function typeLetter(doc: Y.Doc, dice: Dice): void {
  const text = doc.getText(dice.pick(["title", "context"]));
  const at = dice.chance(0.7) ? text.length : dice.below(text.length + 1);
  text.insert(at, dice.pick(["a", "e", "n", " ", "ü"]));
}

function erase(doc: Y.Doc, dice: Dice): void {
  const text = doc.getText(dice.pick(["title", "context"]));
  const at = dice.below(text.length + 1);
  text.delete(at, Math.min(1 + dice.below(5), text.length - at));
}

function option(dice: Dice): Y.Map<unknown> {
  const map = new Y.Map<unknown>();
  map.set("title", new Y.Text("one way"));
  map.set("chosen", dice.chance(0.5));
  return map;
}

function record(doc: Y.Doc, step: number, dice: Dice): void {
  const event = {
    kind: "tool",
    at: 1_795_658_400_000 + step,
    order: step,
    tokens: dice.below(999),
  };
  doc
    .getMap("events")
    .set(`evt_${step}`, dice.chance(0.9) ? event : { ...event, model: "m".repeat(300) });
}
