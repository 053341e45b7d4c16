/** A frozen stream, and a second reader that shares no code: of it, and of rows as devices make them. */
import { expect, test } from "vitest";
import * as Y from "yjs";
import { fromHex, toHex } from "../../src/base/bytes.ts";
import { encodeDoc } from "../../src/crdt/documents.ts";
import { sha256 } from "../../src/crypto/hash.ts";
import { unsealRow } from "../../src/sync/seal.ts";
import { channelTag, readStream } from "../crypto/reader.ts";
import { device, keys as sampleKeys, other } from "../crypto/samples.ts";
import frozen from "../vectors/stream.json" with { type: "json" };
import { devices, keys, largestRows, realRows } from "./realRows.ts";
import { PROJECT_STREAM, TEAM_STREAM } from "./team.ts";
import { STREAM, streamVectors } from "./vectors.ts";

const BUMP =
  "the wire format changed: bump the version, keep reading the old one, and add vectors beside these";
const rowsOf = (hex: readonly string[]): Buffer[] => hex.map((row) => Buffer.from(row, "hex"));
const byId = new Map(Object.entries(frozen.devices));

test("C15: a stream is sealed as frozen", () => {
  expect(streamVectors(), BUMP).toEqual(frozen);
});

test("C15: the frozen stream is read", () => {
  for (const hex of frozen.rows) {
    const row = fromHex(hex);
    const { signKey } = toHex(row.subarray(51, 67)) === device.id ? device : other;
    const opened = unsealRow(row, STREAM, { by: "signature", signKey }, sampleKeys);
    expect(opened.ok, BUMP).toBe(true);
  }
});

test("C16: a second reader proves, opens and joins the frozen stream, to the same running hashes", () => {
  const read = readStream(rowsOf(frozen.rows), frozen, frozen.project, byId);
  expect(read.places.slice(1).map((place) => place.toString("hex"))).toEqual(frozen.places);
  const joined = [...read.documents].flatMap(([document, { kind, updates }]) =>
    updates.map((update) => ({ document, kind, sha256: toHex(sha256(update)) })),
  );
  const byDocument = frozen.updates.toSorted((a, b) => (a.document < b.document ? -1 : 1));
  expect(joined.toSorted((a, b) => (a.document < b.document ? -1 : 1))).toEqual(byDocument);
  expect(channelTag(frozen, frozen.project)).toBe(frozen.channelTags.project);
  expect(channelTag(frozen, null)).toBe(frozen.channelTags.team);
});

test("C16: it refuses a row that is changed, left out, given twice or out of order", () => {
  const rows = rowsOf(frozen.rows);
  const refused = (changed: readonly Buffer[], why: string) =>
    expect(() => readStream(changed, frozen, frozen.project, byId)).toThrow(`reader: ${why}`);
  const changed: Buffer = Buffer.from(rows[2] as Buffer);
  changed[200] = (changed[200] as number) ^ 1;
  refused(rows.with(2, changed), "signature");
  refused(rows.toSpliced(0, 1), "what its author had seen");
  refused(rows.toSpliced(1, 0, rows[0] as Buffer), "chain");
  refused([rows[0], rows[2], rows[1]] as Buffer[], "what its author had seen");
  expect(() => readStream(rows, frozen, null, byId)).toThrow("reader: stream");
  expect(() => readStream(rows, frozen, frozen.project, new Map())).toThrow("reader: a device");
});

test("C16: it reads 1,000 rows as devices make them, and Yjs makes the writers' documents of them", () => {
  const { rows, documents } = realRows(1000);
  const all = {
    ...{ team: keys.team, epoch: keys.epoch },
    ...{ epochKey: toHex(keys.epochKey.reveal()), idKey: toHex(keys.idKey.reveal()) },
  };
  const signKeys = new Map(devices.map(({ id, signKey }) => [id, toHex(signKey)]));
  let read = 0;
  for (const stream of [TEAM_STREAM, PROJECT_STREAM]) {
    const ofStream = rows.filter((row) => row.stream === stream);
    const buffers = ofStream.map(({ row }) => Buffer.from(row));
    const second = readStream(buffers, all, stream.project, signKeys);
    read += second.places.length - 1;
    for (const [id, { updates }] of second.documents) {
      const doc = new Y.Doc();
      doc.transact(() => updates.forEach((update) => Y.applyUpdate(doc, update)));
      expect(encodeDoc(doc)).toEqual(encodeDoc(documents.get(id as never) as Y.Doc));
    }
  }
  expect(read).toBe(1000);
  const largest = largestRows();
  const inRows = largest.map(({ row }) => Buffer.from(row));
  const { documents: joined } = readStream(inRows, all, null, signKeys);
  const update = Buffer.concat(largest.map(({ change }) => change.body));
  expect(joined.get("dec_1")?.updates).toEqual([update]);
});
