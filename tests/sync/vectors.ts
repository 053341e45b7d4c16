/** A project's stream that a second implementation must read, sealed with fixed keys and fixed "random" bytes. */
import { type Bytes, fromHex, toHex, utf8 } from "../../src/base/bytes.ts";
import type { DocId } from "../../src/base/ids.ts";
import { sha256 } from "../../src/crypto/hash.ts";
import { channelTag } from "../../src/crypto/team.ts";
import type { Cursor } from "../../src/sync/ports.ts";
import { sealUpdate, type Tail } from "../../src/sync/seal.ts";
import { advance, START } from "../../src/sync/streams.ts";
import { device, keys, other, PROJECT, seededRandom, TEAM } from "../crypto/samples.ts";

const AUTHORS = {
  device: { device, replica: "01".repeat(16) },
  "device, later": { device, replica: "02".repeat(16) },
  other: { device: other, replica: "03".repeat(16) },
};
const KINDS = { dec_1: "decision", notes_1: "notes", trace_1: "trace" } as const;

interface Step {
  readonly by: keyof typeof AUTHORS;
  readonly doc: keyof typeof KINDS;
  /** As Yjs made it once, in hex; or words, so many times that one row does not hold them. */
  readonly update: string | readonly [words: string, times: number];
  /** How many rows its author has not seen. */
  readonly behind: number;
}

const STEPS: readonly Step[] = [
  {
    by: "device",
    doc: "dec_1",
    update: "01010b00040107636f6e74657874085ac3bc726963682000",
    behind: 0,
  },
  { by: "device", doc: "dec_1", update: "01010b07840b0604f09f8c8a00", behind: 0 },
  {
    by: "other",
    doc: "dec_1",
    update: "010116002801066669656c6473067374617475730177086163636570746564010b010002",
    behind: 0,
  },
  {
    by: "other",
    doc: "notes_1",
    update: `010316002701056e6f746573026e310127001600047465787402040016016473${"65656e2073".repeat(19)}65656e2000`,
    behind: 2,
  },
  { by: "device", doc: "trace_1", update: ["many words, and again ", 15_000], behind: 0 },
  { by: "device, later", doc: "dec_1", update: "00010b010203", behind: 1 },
  {
    by: "other",
    doc: "dec_1",
    update:
      "010116012301066669656c647304626c6f62c801001f7c17f0075cef0d1c69f4bdc4098c9a99d6510a0136a9a796c32ed7bee3463413308b24fb106341101d68f1b8bd00ce8d8ac53ef5ea1ddb8a77a20bb297ba6807e4ff58efc4d77504d1dc25ac717402813e3972e99e910f7e2b163fa64b2e9cfb98738ce3784ba9f8855059a025e83675f2ada6dd52054372df8a739affa2d0ef4ce7c0d72cbfddec39c48d94d95c6a69a621dad10679776693fea78eb31604e3005bf4cbe03311e0ed38c1888dd09e5d5a950ec5baedab5a4772db82678a38d7b4cf28bf94a700",
    behind: 0,
  },
];

export const STREAM = { team: TEAM, project: PROJECT };

export function streamVectors() {
  const random = seededRandom("stream vectors");
  const tails = new Map<string, Tail>();
  const rows: Bytes[] = [];
  const places: Cursor[] = [START];
  for (const { by, doc, update, behind } of STEPS) {
    const target = { doc: doc as string as DocId, kind: KINDS[doc], stream: STREAM };
    const chain = `${by}/${doc}`;
    const head = places.at(-1 - behind) as Cursor;
    const author = { keys, ...AUTHORS[by] };
    const tail = tails.get(chain) ?? null;
    for (const sealed of sealUpdate(author, target, bytesOf(update), tail, head, random)) {
      rows.push(sealed.row);
      places.push(advance(places.at(-1) as Cursor, sealed.hash));
      tails.set(chain, { seq: sealed.header.seq, hash: sealed.hash });
    }
  }
  return {
    team: keys.team,
    epoch: keys.epoch,
    epochKey: toHex(keys.epochKey.reveal()),
    idKey: toHex(keys.idKey.reveal()),
    project: PROJECT,
    channelTags: { project: channelTag(keys, PROJECT), team: channelTag(keys, null) },
    devices: Object.fromEntries([device, other].map(({ id, signKey }) => [id, toHex(signKey)])),
    rows: rows.map(toHex),
    /** The running hash after each row. */
    places: places.slice(1).map(({ h }) => toHex(h)),
    updates: STEPS.map(({ doc, update }) => ({
      document: doc,
      kind: KINDS[doc],
      sha256: toHex(sha256(bytesOf(update))),
    })),
  };
}

function bytesOf(update: Step["update"]): Bytes {
  return typeof update === "string" ? fromHex(update) : utf8(update[0].repeat(update[1]));
}
