/** A snapshot and its rows from fixed keys, fixed updates and fixed "random" bytes. */
import * as Y from "yjs";
import { type Bytes, toHex } from "../../src/base/bytes.ts";
import type { DocId } from "../../src/base/ids.ts";
import { encodeDoc } from "../../src/crdt/documents.ts";
import { createDevice } from "../../src/crypto/device.ts";
import { sha256 } from "../../src/crypto/hash.ts";
import { KIND_ATTEST, KIND_SNAPSHOT } from "../../src/crypto/header.ts";
import { rowHash } from "../../src/crypto/row.ts";
import { wireDocumentId } from "../../src/crypto/team.ts";
import { encodeSaid } from "../../src/sync/marks.ts";
import { sealMark } from "../../src/sync/seal.ts";
import { contentHash, encodeSnapshot } from "../../src/sync/snapshot.ts";
import { keys, PROJECT, seededRandom, TEAM } from "../crypto/samples.ts";

const DOC = "dec_01KABCDEFGHJKMNPQRSTVWXYZ1" as DocId;

export async function snapshotVectors() {
  const [maker, other] = [createDevice(seededRandom("maker")), createDevice(seededRandom("other"))];
  const hash = (text: string) => sha256(new TextEncoder().encode(text));
  const doc = new Y.Doc();
  doc.clientID = 7;
  doc.getText("context").insert(0, "a reason");
  doc.getText("context").delete(0, 2);
  const chain = (device: string, digit: string) => ({
    replica: device + digit.repeat(32),
    doc: wireDocumentId(keys, DOC),
    seq: 3,
    hash: hash(digit),
    parts: [],
  });
  const snapshot = encodeSnapshot(
    {
      parent: { last: 12, hash: hash("parent") },
      entry: 5,
      documents: [
        {
          id: DOC,
          kind: "decision",
          owner: maker.id,
          clients: new Map([[7, maker.id]]),
          state: encodeDoc(doc),
        },
      ],
      chains: [
        chain(maker.id, "1"),
        { ...chain(other.id, "2"), doc: "f".repeat(32), parts: [hash("part")] },
      ],
    },
    (name) => wireDocumentId(keys, name),
  );
  const head = { n: 41, h: hash("head") };
  const mark = (device: typeof maker, kind: number, n: number, body: Bytes) =>
    sealMark(
      { keys, device, replica: "ab".repeat(16) },
      { team: TEAM, project: PROJECT },
      { kind, n },
      body,
      head,
      seededRandom("nonce"),
    );
  const rows = mark(maker, KIND_SNAPSHOT, 41, snapshot);
  const said = encodeSaid({
    snapshot: rowHash(rows[0] as Bytes),
    content: contentHash(snapshot),
  });
  return {
    snapshot: toHex(snapshot),
    row: toHex(rows[0] as Bytes),
    attest: toHex(mark(other, KIND_ATTEST, 42, said)[0] as Bytes),
  };
}
