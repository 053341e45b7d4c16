/**
 * A second reader of keys, rows and streams, after src/crypto/SPEC.md, src/sync/SPEC.md and docs/PROTOCOL.md
 * alone: Node's Argon2id, hashes, signatures and inflate, noble's ciphers and BLAKE2b, and nothing of src. It throws where
 * anything does not fit.
 */
import { argon2Sync } from "node:crypto";
import { inflateRawSync } from "node:zlib";
import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import { blake2b } from "@noble/hashes/blake2.js";
import { Cursor, derive, label, need, sha256, signed, tagOf, u32, unseal } from "./log/reader.ts";

const bytesOf = (hex: string) => Buffer.from(hex, "hex");
const text = (words: string) => Buffer.from(words);
const ZEROS = Buffer.alloc(32);
const KINDS = ["", "trace", "notes", "decision", "project"];
const AROUND_BYTES = 123 + 24 + 4 + 16 + 64;
const PART_BYTES = 128 * 1024;

/** All keys in hex. */
export interface Keys {
  readonly team: string;
  readonly epoch: number;
  readonly epochKey: string;
  readonly idKey: string;
}

/** 16 bytes of BLAKE2b, which are not the first of 32. */
function name(key: string, what: string, ...parts: readonly Uint8Array[]): string {
  const framed = parts.flatMap((part) => [u32(part.length), part]);
  const message = Buffer.concat([label(what), ...framed]);
  return Buffer.from(blake2b(message, { key: bytesOf(key), dkLen: 16 })).toString("hex");
}

export function readKeyRecord(
  record: string,
  team: string,
  passphrase: string,
  teamSecret: string,
): Keys {
  const bytes = bytesOf(record);
  need(bytes.length === 29 + 24 + 64 + 16 + 24 + 32 + 16 && bytes[0] === 1, "key record");
  const stretched = argon2Sync("argon2id", {
    message: passphrase.normalize("NFKC"),
    nonce: bytes.subarray(13, 29),
    passes: bytes.readUInt32BE(5),
    memory: bytes.readUInt32BE(9),
    parallelism: 1,
    tagLength: 32,
  });
  const kek = derive(stretched, "kek", bytesOf(teamSecret));
  const context = (what: string) => Buffer.concat([label(what), text(team), bytes.subarray(0, 29)]);
  const plain = unseal(bytes.subarray(29, 133), context("keys"), kek).toString("hex");
  const [epochKey, idKey] = [plain.slice(0, 64), plain.slice(64)];
  const epoch = bytes.readUInt32BE(1);
  const own = derive(bytesOf(epochKey), "stretched key", text(team), u32(epoch));
  need(unseal(bytes.subarray(133), context("stretched"), own).equals(stretched), "stretched");
  return { team, epoch, epochKey, idKey };
}

export const wireId = ({ idKey }: Keys, document: string) =>
  name(idKey, "document id", text(document));

export const documentKey = ({ team, epoch, epochKey }: Keys, wire: string) =>
  derive(bytesOf(epochKey), "document key", text(team), u32(epoch), text(wire)).toString("hex");

export const channelTag = ({ team, epoch, epochKey }: Keys, project: string | null) =>
  name(epochKey, "channel tag", u32(epoch), text(`${team}/${project ?? ""}`));

export function readDevice(signSeed: string, boxSecret: string) {
  const signKey = Buffer.from(ed25519.getPublicKey(bytesOf(signSeed)));
  const boxKey = Buffer.from(x25519.getPublicKey(bytesOf(boxSecret)));
  return {
    id: idOf(signKey, boxKey),
    signKey: signKey.toString("hex"),
    boxKey: boxKey.toString("hex"),
  };
}

function idOf(signKey: Buffer, boxKey: Buffer): string {
  return sha256(label("device"), signKey, boxKey).subarray(0, 16).toString("hex");
}

/** As the paper on Padmé has it: of a length only as many bits are told as its exponent has. */
export function padme(size: number): number {
  if (size <= 256) return 256;
  const exponent = BigInt(size.toString(2).length - 1);
  const told = BigInt(exponent.toString(2).length);
  const mask = (1n << (exponent - told)) - 1n;
  return Number((BigInt(size) + mask) & ~mask);
}

/** Proves, opens and reads one row. */
export function readRow(row: Buffer, signKey: string, key: string) {
  need(row.length >= 256 && row.length <= 256 * 1024, "size");
  const open = new Cursor(row);
  need(open.take(3).equals(Buffer.from([1, 1, 1])), "version, suite and kind");
  const [team, project, document, device, replica] = Array.from({ length: 5 }, () => open.id());
  const [epoch, seq] = [open.take(4).readUInt32BE(), open.take(4).readUInt32BE()];
  const previous = open.take(32);
  need(open.at === 123 && seq > 0 && (seq === 1) === previous.equals(ZEROS), "place in its chain");
  const message = Buffer.concat([label("row"), row.subarray(0, -64)]);
  need(signed(bytesOf(signKey), message, row.subarray(-64)), "signature");
  const plain = unseal(row.subarray(123, -64), row.subarray(0, 123), bytesOf(key));
  const end = 4 + plain.readUInt32BE(0);
  need(end <= plain.length && padme(AROUND_BYTES + end - 4) === row.length, "padded size");
  need(
    plain.subarray(end).every((byte) => byte === 0),
    "zeros",
  );
  const read = new Cursor(plain.subarray(4, end));
  const head = { n: read.take(6).readUIntBE(0, 6), h: read.take(32).toString("hex") };
  const [part, parts] = [read.take(2).readUInt16BE(), read.take(2).readUInt16BE()];
  const [flags, documentKind] = [read.byte(), read.byte()];
  need(part < parts && parts <= 1024 && flags <= 1, "parts and flags");
  const called = new TextDecoder("utf-8", { fatal: true }).decode(read.take(read.byte()));
  const body = bodyOf(read.bytes.subarray(read.at), flags === 1);
  return {
    header: { team, project, document, device, replica, epoch, seq, previous },
    content: { head, part, parts, documentKind, document: called, body },
  };
}

function bodyOf(bytes: Buffer, deflated: boolean): Buffer {
  if (!deflated) {
    need(bytes.length <= PART_BYTES, "size of the body");
    return bytes;
  }
  const size = bytes.readUInt32BE(0);
  need(size <= PART_BYTES, "size of the body");
  const body = inflateRawSync(bytes.subarray(4), { maxOutputLength: size + 1 });
  need(body.length === size && bytes.length < size, "size of the deflated body");
  return body;
}

/** Reads a whole stream: each row's proof, chain, document and what its author had seen. `devices`: signing keys by id. */
export function readStream(
  rows: readonly Buffer[],
  keys: Keys,
  project: string | null,
  devices: ReadonlyMap<string, string>,
) {
  const places = [ZEROS];
  const chains = new Map<string, { seq: number; hash: Buffer; parts: Buffer[] }>();
  const documents = new Map<string, { kind: string; updates: Buffer[] }>();
  for (const [i, row] of rows.entries()) {
    const wire = row.subarray(35, 51).toString("hex");
    const signKey = devices.get(row.subarray(51, 67).toString("hex"));
    need(signKey !== undefined, "a device that is listed");
    const { header, content } = readRow(row, signKey as string, documentKey(keys, wire));
    const { part, parts, head, body } = content;
    const of = project?.replaceAll("-", "") ?? "0".repeat(32);
    need(header.team === tagOf(keys.team).toString("hex") && header.project === of, "stream");
    need(header.epoch === keys.epoch, "epoch");
    need(wireId(keys, content.document) === wire, "name of the document");
    need(head.n <= i && places[head.n]?.toString("hex") === head.h, "what its author had seen");
    const at = `${header.device}${header.replica}${wire}`;
    const chain = chains.get(at) ?? { seq: 0, hash: ZEROS, parts: [] };
    need(header.seq === chain.seq + 1 && header.previous.equals(chain.hash), "chain");
    need(part === chain.parts.length, "order of parts");
    const whole = [...chain.parts, body];
    const hash = sha256(row);
    chains.set(at, { seq: header.seq, hash, parts: whole.length === parts ? [] : whole });
    places.push(sha256(places[i] as Buffer, hash));
    const kind = KINDS[content.documentKind] as string;
    const document = documents.get(content.document) ?? { kind, updates: [] };
    need(document.kind === kind && kind !== "", "kind of document");
    if (whole.length === parts) document.updates.push(Buffer.concat(whole));
    documents.set(content.document, document);
  }
  return { places, documents };
}
