/**
 * A second reader of a team's log, after src/crypto/SPEC.md and the headers of src/crypto/log alone: Node's hashes and
 * signatures, noble's ciphers and BLAKE2b, and nothing of src. It proves signatures, chain, consents and keys, and believes
 * that the entries were allowed.
 */
import { createHash, createPublicKey, verify } from "node:crypto";
import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import { blake2b } from "@noble/hashes/blake2.js";
import { wordlist } from "@scure/bip39/wordlists/english.js";

const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const KINDS = "create invite add-device revoke-invite role project-access remove-member".split(" ");
KINDS.push("remove-device", "rename-device", "epoch", "retire");
const ROLES = ["owner", "admin", "member"];
const DEVICE_KINDS = ["ordinary", "ephemeral", "recovery"];
const ADMITS = ["own", "admin", "member"];
const WHY = ["unshared", "stricter-setting", "leaving", "account-deleted"];
const SCOPES = ["documents", "member", "project"];

export const label = (name: string) => Buffer.from(`operon/1/${name}\0`);
export const sha256 = (...parts: readonly Uint8Array[]) =>
  createHash("sha256").update(Buffer.concat(parts)).digest();
export const u32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
export const derive = (key: Uint8Array, name: string, ...parts: readonly Uint8Array[]) => {
  const framed = parts.flatMap((part) => [u32(part.length), part]);
  return Buffer.from(blake2b(Buffer.concat([label(name), ...framed]), { key, dkLen: 32 }));
};
export const unseal = (sealed: Buffer, authenticated: Uint8Array, key: Uint8Array) =>
  Buffer.from(
    xchacha20poly1305(key, sealed.subarray(0, 24), authenticated).decrypt(sealed.subarray(24)),
  );
export const tagOf = (team: string) => sha256(Buffer.from(team)).subarray(0, 16);
export const need = (holds: boolean, what: string) => {
  if (!holds) throw new Error(`reader: ${what}`);
};
export const signed = (key: Buffer, message: Buffer, signature: Buffer) =>
  verify(
    null,
    message,
    createPublicKey({
      key: Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), key]),
      format: "der",
      type: "spki",
    }),
    signature,
  );

export class Cursor {
  at = 0;
  readonly bytes: Buffer;
  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }
  take(size: number) {
    this.at += size;
    return this.bytes.subarray(this.at - size, this.at);
  }
  id() {
    return this.take(16).toString("hex");
  }
  byte() {
    return this.take(1).readUInt8();
  }
  time() {
    return this.take(6).readUIntBE(0, 6);
  }
  list<T>(read: () => T): T[] {
    return Array.from({ length: this.take(2).readUInt16BE() }, read);
  }
  fence() {
    this.take(16 + 6 + 32);
  }
}

interface Device {
  member: string;
  kind: string;
  expiresMs: number | null;
  since: number;
  removed: number | null;
  signKey: Buffer;
  person: Buffer;
}

/** Reads a whole log, from hex; throws where anything does not fit. The answer has the form of the vectors' `state`. */
export function readLog(entries: readonly string[]) {
  const members: Record<string, { role: string; since: number; removed: number | null }> = {};
  const devices: Record<string, Device> = {};
  const epochs: { number: number; former: number; commitment: string; recipients: string[] }[] = [];
  const access = new Map<string, string[]>();
  const retired: object[] = [];
  let invites = new Map<string, { signKey: Buffer; hash: Buffer; admits: string }>();
  let team = "";
  let previous: Buffer = Buffer.alloc(32);
  let timeMs = 0;
  let idKeyHash: Buffer = Buffer.alloc(0);

  for (const [n, hex] of entries.entries()) {
    const bytes = Buffer.from(hex, "hex");
    const hash = sha256(bytes);
    const read = new Cursor(bytes);
    need(read.byte() === 1, "version");
    const kind = KINDS[read.byte() - 1] as string;
    if (n === 0) team = `team_${crockford(sha256(label("team"), bytes).subarray(0, 16))}`;
    need(read.take(16).equals(n === 0 ? Buffer.alloc(16) : tagOf(team)), "team");
    need(read.take(4).readUInt32BE() === n, "number");
    need(read.take(32).equals(previous), "previous");
    timeMs = Math.max(timeMs, read.time());
    const byInvite = read.byte() === 2;
    const author = read.id();
    const invite = invites.get(author);
    const consenting = body(kind, read, n, author, hash, byInvite);
    const signKey = byInvite ? invite?.signKey : devices[author]?.signKey;
    need(read.at === bytes.length - 64, `length of ${kind}`);
    const message = Buffer.concat([label("log entry"), bytes.subarray(0, -64)]);
    need(signKey !== undefined && signed(signKey, message, bytes.subarray(-64)), "signature");
    if (consenting) {
      const through = byInvite ? (invite?.hash ?? Buffer.alloc(0)) : Buffer.alloc(32);
      const { said, key, consent } = consenting;
      const statement = Buffer.concat([label("log device"), tagOf(team), through, said]);
      need(signed(key, statement, consent), "consent");
    }
    previous = hash;
  }
  const standing = Object.entries(devices).filter(
    ([, { removed, expiresMs }]) => removed === null && (expiresMs === null || expiresMs > timeMs),
  );
  const persons = Object.fromEntries(
    Object.entries(devices).map(([id, { person }]) => [id, person]),
  );
  const state = {
    head: { n: entries.length - 1, hash: previous.toString("hex") },
    timeMs,
    members,
    devices: Object.fromEntries(
      Object.entries(devices).map(([id, { member, kind, expiresMs, since, removed }]) => [
        id,
        { member, kind, expiresMs, since, removed },
      ]),
    ),
    standing: standing.map(([id]) => id).toSorted(),
    invites: [...invites.keys()],
    ...{ epochs, access: [...access], retired },
  };
  return { team, state, persons, idKeyHash };

  function body(
    kind: string,
    read: Cursor,
    n: number,
    author: string,
    hash: Buffer,
    byInvite: boolean,
  ) {
    const by = devices[author]?.member ?? "";
    switch (kind) {
      case "create": {
        read.take(16);
        idKeyHash = read.take(32);
        const member = read.id();
        members[member] = { role: "owner", since: 0, removed: null };
        list(member, read.take(64), "ordinary", null, read.take(407), 0);
        return null;
      }
      case "invite": {
        const signKey = read.take(32);
        const admits = ADMITS[read.byte() - 1] as string;
        need(read.byte() === 1, "uses");
        read.time();
        const id = sha256(label("invite key"), signKey).subarray(0, 16).toString("hex");
        invites.set(id, { signKey, hash, admits });
        return null;
      }
      case "add-device": {
        const from = read.at;
        const member = read.id();
        const keys = read.take(64);
        const terms = read.take(7);
        const said = Buffer.concat([read.bytes.subarray(from, from + 16), terms, keys]);
        const ends = terms.readUIntBE(1, 6) || null;
        list(member, keys, DEVICE_KINDS[terms.readUInt8() - 1] as string, ends, read.take(407), n);
        const admits = byInvite ? invites.get(author)?.admits : "own";
        if (admits !== undefined && admits !== "own")
          members[member] = { role: admits, since: n, removed: null };
        invites.delete(author);
        return { said, key: keys.subarray(0, 32), consent: read.take(64) };
      }
      case "revoke-invite":
        invites.delete(read.id());
        return null;
      case "role": {
        const member = members[read.id()];
        if (member) member.role = ROLES[read.byte() - 1] as string;
        return null;
      }
      case "project-access": {
        const project = read.id();
        if (read.byte() === 0) access.delete(project);
        else
          access.set(
            project,
            read.list(() => read.id()),
          );
        return null;
      }
      case "remove-member": {
        const id = read.id();
        const member = members[id];
        if (member) member.removed = n;
        for (const [project, seen] of access)
          access.set(
            project,
            seen.filter((each) => each !== id),
          );
        remove(n, (device) => device.member === id);
        read.list(() => read.fence());
        return null;
      }
      case "remove-device": {
        const id = read.id();
        remove(n, (device) => device === devices[id]);
        read.list(() => read.fence());
        return null;
      }
      case "rename-device": {
        const device = devices[read.id()];
        const person = read.take(407);
        if (device) device.person = person;
        return null;
      }
      case "epoch": {
        const [number, former] = [read.take(4).readUInt32BE(), read.take(4).readUInt32BE()];
        const commitment = read.take(32).toString("hex");
        epochs.push({ number, former, commitment, recipients: read.list(() => read.id()) });
        invites = new Map();
        return null;
      }
      default: {
        const why = WHY[read.byte() - 1];
        const what = SCOPES[read.byte() - 1];
        if (what === "documents") read.list(() => read.id());
        if (what === "member") read.id();
        if (what === "member") read.list(() => read.fence());
        if (what === "project") read.fence();
        const forAll = members[by]?.role !== "member";
        retired.push({ n, member: by, forAll, why, what });
        return null;
      }
    }
  }

  function list(
    member: string,
    keys: Buffer,
    kind: string,
    expiresMs: number | null,
    person: Buffer,
    since: number,
  ) {
    const id = sha256(label("device"), keys).subarray(0, 16).toString("hex");
    const signKey = keys.subarray(0, 32);
    devices[id] = { member, kind, expiresMs, since, removed: null, signKey, person };
  }

  function remove(n: number, goes: (device: Device) => boolean) {
    for (const device of Object.values(devices))
      if (device.removed === null && goes(device)) device.removed = n;
    invites = new Map();
  }
}

/** Epoch key, team id key and team secret, in hex, from a device's box. */
export function readBox(team: string, device: string, boxSecret: string, box: string) {
  const bytes = Buffer.from(box, "hex");
  const secret = Buffer.from(boxSecret, "hex");
  const ephemeral = bytes.subarray(5, 37);
  const shared = x25519.getSharedSecret(secret, ephemeral);
  const key = derive(shared, "key box key", ephemeral, x25519.getPublicKey(secret));
  const authenticated = [label("key box"), bytes.subarray(0, 5), tagOf(team)];
  const context = Buffer.concat([...authenticated, Buffer.from(device, "hex")]);
  const plain = unseal(bytes.subarray(37), context, key).toString("hex");
  return {
    epoch: bytes.readUInt32BE(1),
    epochKey: plain.slice(0, 64),
    idKey: plain.slice(64, 128),
    teamSecret: plain.slice(128),
  };
}

export function readRecord(team: string, epochKey: string, record: string): string {
  const bytes = Buffer.from(record, "hex");
  const open = bytes.subarray(0, 5);
  const key = derive(
    Buffer.from(epochKey, "hex"),
    "epoch record key",
    tagOf(team),
    open.subarray(1),
  );
  const context = Buffer.concat([label("epoch record"), open, tagOf(team)]);
  return unseal(bytes.subarray(5), context, key).toString("hex");
}

export function commitment(team: string, epoch: number, epochKey: string): string {
  const key = Buffer.from(epochKey, "hex");
  return sha256(label("epoch commitment"), tagOf(team), u32(epoch), key).toString("hex");
}

export function hashOfIdKey(idKey: string): string {
  return sha256(label("team id key"), Buffer.from(idKey, "hex")).toString("hex");
}

export function readPerson(idKey: string, device: string, sealed: Buffer) {
  const key = derive(Buffer.from(idKey, "hex"), "log person key");
  const context = Buffer.concat([label("log person"), Buffer.from(device, "hex")]);
  const read = new Cursor(unseal(sealed, context, key));
  const name = read.take(read.byte()).toString();
  return { name, email: read.take(read.byte()).toString() };
}

export function readInvite(text: string) {
  const bytes = Buffer.from(text.replace("operon2_", ""), "base64url");
  const body = bytes.subarray(0, -4);
  need(sha256(label("invite text"), body).subarray(0, 4).equals(bytes.subarray(-4)), "checksum");
  const team = `team_${crockford(body.subarray(1, 17))}`;
  const [hash, secret] = [body.subarray(21, 53), body.subarray(53)];
  const signKey = ed25519.getPublicKey(derive(secret, "invite signer", tagOf(team)));
  return {
    ...{ team, n: body.readUInt32BE(17), hash, secret },
    id: sha256(label("invite key"), signKey).subarray(0, 16).toString("hex"),
    proof: derive(secret, "invite proof", tagOf(team)).toString("hex"),
  };
}

export function readBundle({ team, hash, secret }: ReturnType<typeof readInvite>, bundle: string) {
  const bytes = Buffer.from(bundle, "hex");
  const key = derive(secret, "invite bundle key", tagOf(team));
  const context = Buffer.concat([label("invite bundle"), bytes.subarray(0, 1), tagOf(team), hash]);
  const plain = unseal(bytes.subarray(1), context, key).toString("hex");
  return { teamSecret: plain.slice(0, 32), idKey: plain.slice(32) };
}

export function readKit(text: string) {
  let value = 0n;
  for (const digit of text.replaceAll("-", ""))
    value = value * 32n + BigInt(CROCKFORD.indexOf(digit));
  const bytes = Buffer.from(value.toString(16).padStart(74, "0"), "hex");
  const body = bytes.subarray(0, 33);
  need(sha256(label("recovery kit"), body).subarray(0, 4).equals(bytes.subarray(33)), "checksum");
  const team = `team_${crockford(body.subarray(1, 17))}`;
  const secret = body.subarray(17);
  return {
    team,
    signSeed: derive(secret, "recovery signer", tagOf(team)).toString("hex"),
    boxSecret: derive(secret, "recovery box", tagOf(team)).toString("hex"),
  };
}

export function wordsOf(team: string, n: number, hash: string): string[] {
  const digest = sha256(label("safety words"), tagOf(team), u32(n), Buffer.from(hash, "hex"));
  const bits = [...digest].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return Array.from({ length: 8 }, (_, i) => {
    return wordlist[Number.parseInt(bits.slice(11 * i, 11 * i + 11), 2)] as string;
  });
}

function crockford(bytes: Buffer): string {
  let value = BigInt(`0x${bytes.toString("hex")}`);
  let text = "";
  for (let i = 0; i < 26; i++, value >>= 5n) text = CROCKFORD.charAt(Number(value & 31n)) + text;
  return text;
}
