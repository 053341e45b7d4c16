/**
 * A team's log and what stands beside it, in memory. As every server it judges no entry; unlike a real one it asks nobody who
 * they are. Honest, unless a test bends it: `entries` and `beside` may be changed.
 */
import { type Bytes, equalBytes, toHex } from "../../src/base/bytes.ts";
import type { TeamId } from "../../src/base/ids.ts";
import { fail, ok, type Result, unwrap } from "../../src/base/result.ts";
import { Secret } from "../../src/base/secret.ts";
import { createDevice, type DeviceIdentity, deviceId } from "../../src/crypto/device.ts";
import { ID_BYTES, sha256 } from "../../src/crypto/hash.ts";
import { newKdf, stretch } from "../../src/crypto/kdf.ts";
import { sealKeyRecord } from "../../src/crypto/key-record.ts";
import { type Body, type Fence, MAX_FENCES } from "../../src/crypto/log/body.ts";
import { decodeEntry, entryHash } from "../../src/crypto/log/entry.ts";
import { foundTeam } from "../../src/crypto/log/found.ts";
import { replay } from "../../src/crypto/log/history.ts";
import { join, makeInvite } from "../../src/crypto/log/invite.ts";
import { sealKeys } from "../../src/crypto/log/key-box.ts";
import type { TeamState } from "../../src/crypto/log/state.ts";
import type { TeamKeys } from "../../src/crypto/team.ts";
import type { Cursor } from "../../src/sync/ports.ts";
import { logStream } from "../../src/sync/streams.ts";
import type { StreamCursor } from "../../src/sync/transport.ts";
import type {
  Appended,
  KeptEpoch,
  LogPage,
  OpenedInvite,
  TeamServer,
} from "../../src/sync/team/server.ts";
import { QUICK, seededRandom } from "../crypto/samples.ts";

export interface EpochBeside extends Omit<KeptEpoch, "box"> {
  readonly boxes: ReadonlyMap<string, Bytes>;
}

export class MemoryLog implements TeamServer {
  entries: readonly Bytes[] = [];
  beside: readonly EpochBeside[] = [];
  /** Bundles by the proof's hash. */
  readonly #invites = new Map<string, Bytes>();
  /** The heads that a removal has to name; null: not looked at. */
  headsNow: (() => readonly StreamCursor[]) | null = null;
  /** After each append. `before`: how many epochs there were. */
  onAppended: (before: number) => void = () => {};

  async readLog(_team: TeamId, after: number): Promise<Result<LogPage>> {
    return ok({ entries: this.entries.slice(after), listed: this.entries.length });
  }

  async appendLog(
    _team: TeamId,
    listed: number,
    appended: readonly Appended[],
  ): Promise<Result<void>> {
    if (listed !== this.entries.length) return fail("log-moved", "others were first");
    for (const { entry } of appended) {
      const fences = fencesIn(bodyOf(entry));
      if (fences && this.headsNow && !sameFences(fences, this.headsNow()))
        return fail("fence-stale", "somebody wrote meanwhile");
    }
    for (const { epoch } of appended) {
      const { asOf } = epoch ?? {};
      const wrapped = asOf && this.beside.find(({ entry }) => equalBytes(entry, asOf.entry));
      if (wrapped && !equalBytes(sha256(wrapped.keyRecord), asOf.keyRecord))
        return fail("log-moved", "the passphrase was changed");
    }
    const before = this.beside.length;
    for (const one of appended) this.#take(one);
    this.onAppended(before);
    return ok(undefined);
  }

  async epochs(_team: TeamId, device: string): Promise<Result<readonly KeptEpoch[]>> {
    return ok(kept(this.beside, device));
  }

  async heads(): Promise<Result<readonly StreamCursor[]>> {
    return ok(this.headsNow?.() ?? []);
  }

  async putKeyRecord(_team: TeamId, entry: Bytes, keyRecord: Bytes): Promise<Result<void>> {
    this.beside = this.beside.map((epoch) =>
      equalBytes(epoch.entry, entry) ? { ...epoch, keyRecord } : epoch,
    );
    return ok(undefined);
  }

  async openInvite(_team: TeamId, proof: Bytes): Promise<Result<OpenedInvite>> {
    const bundle = this.#invites.get(toHex(sha256(proof)));
    if (!bundle) return fail("invite", "The server does not know this invite.");
    return ok({
      bundle,
      log: this.entries,
      epochs: kept(this.beside, ""),
    });
  }

  /** The same history, going its own way from here. */
  copy(): MemoryLog {
    const copy = new MemoryLog();
    copy.entries = this.entries;
    copy.beside = this.beside;
    for (const [proofHash, bundle] of this.#invites) copy.#invites.set(proofHash, bundle);
    return copy;
  }

  #take({ entry, epoch, invite, proof, box }: Appended): void {
    const body = bodyOf(entry);
    this.entries = [...this.entries, entry];
    if (epoch) {
      const { asOf: _, ...kept } = epoch;
      this.beside = [...this.beside, { entry: entryHash(entry), ...kept }];
    }
    if (epoch || fencesIn(body)) this.#invites.clear();
    if (invite) this.#invites.set(toHex(invite.proofHash), invite.bundle);
    if (proof) this.#invites.delete(toHex(sha256(proof)));
    const newest = this.beside.at(-1);
    if (box && newest && body?.kind === "add-device") {
      const boxes = new Map(newest.boxes).set(deviceId(body), box);
      this.beside = [...this.beside.slice(0, -1), { ...newest, boxes }];
    }
  }
}

/** A team whose founder, a device that does nothing else, admits whom a test names. */
export class Founding {
  readonly log = new MemoryLog();
  readonly keys: TeamKeys;
  readonly founder: DeviceIdentity;
  state: TeamState;
  readonly #nowMs: number;

  constructor(seed: string, nowMs: number) {
    this.#nowMs = nowMs;
    const random = seededRandom(`founding ${seed}`);
    this.founder = createDevice(random);
    const person = { name: "founder's machine", email: "founder@example.org" };
    const { keys, entries, state } = foundTeam(
      this.founder,
      memberOf("founder"),
      person,
      nowMs,
      random,
    );
    const [create, epoch] = entries;
    const stretched = unwrap(stretch(PASSPHRASE, newKdf(random, QUICK), QUICK));
    const box = unwrap(sealKeys(state, keys, this.founder.id, nowMs, random));
    this.log.entries = [create, epoch];
    this.log.beside = [
      {
        entry: entryHash(epoch),
        record: null,
        keyRecord: sealKeyRecord(keys, stretched, random),
        boxes: new Map([[this.founder.id, box]]),
      },
    ];
    this.keys = keys;
    this.state = state;
  }

  /** With a device, unless it is there already. */
  admit(device: DeviceIdentity, name: string, role: "admin" | "member" = "member"): void {
    // Others may have appended.
    this.state = unwrap(replay(this.keys.team, this.log.entries, null)).state;
    if (this.state.devices.has(device.id)) return;
    const random = seededRandom(`admission ${device.id}`);
    const nowMs = this.#nowMs;
    const terms = { admits: role, expiresMs: nowMs + 1000 };
    const invited = unwrap(makeInvite(this.state, this.founder, terms, nowMs, random));
    const person = { name: `${name}'s laptop`, email: `${name}@example.org` };
    const who = { member: memberOf(name), person, expiresMs: null };
    const { idKey } = this.keys;
    const joined = unwrap(join(invited.state, invited.invite, device, who, idKey, nowMs, random));
    this.log.entries = [...this.log.entries, invited.bytes, joined.bytes];
    this.state = joined.state;
  }
}

export const PASSPHRASE = new Secret("six words that nobody else would say");

export function memberOf(name: string): string {
  return toHex(seededRandom(`member ${name}`)(ID_BYTES));
}

/** As one device is given them. */
function kept(epochs: readonly EpochBeside[], device: string): readonly KeptEpoch[] {
  return epochs.map(({ boxes, ...rest }) => ({ ...rest, box: boxes.get(device) ?? null }));
}

function bodyOf(entry: Bytes): Body | null {
  const decoded = decodeEntry(entry);
  return decoded.ok ? decoded.value.body : null;
}

function fencesIn(body: Body | null): readonly Fence[] | null {
  return body?.kind === "remove-member" || body?.kind === "remove-device" ? body.fences : null;
}

/** At the heads, and without one only where nothing is, or where there is no room for more. */
function sameFences(fences: readonly Fence[], heads: readonly StreamCursor[]): boolean {
  const text = (stream: string, { n, h }: Cursor) => `${stream} ${n} ${toHex(h)}`;
  const named = new Set(fences.map((fence) => text(fence.stream, fence)));
  const now = heads.map(({ stream, cursor }) => text(logStream(stream), cursor));
  const lacking = heads.filter(({ cursor }, i) => cursor.n > 0 && !named.has(now[i] as string));
  const misplaced = [...named].some((place) => !now.includes(place));
  return !misplaced && (lacking.length === 0 || named.size === MAX_FENCES);
}
