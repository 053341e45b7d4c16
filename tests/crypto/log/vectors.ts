/** A team's log and all that hangs on it, from fixed keys and fixed "random" bytes: what another implementation must read. */
import { type Bytes, toHex } from "../../../src/base/bytes.ts";
import type { DeviceIdentity } from "../../../src/crypto/device.ts";
import { inviteAuthor } from "../../../src/crypto/log/author.ts";
import { encodeTeamInvite, sealBundle, teamInviteProof } from "../../../src/crypto/log/invite.ts";
import { openPerson } from "../../../src/crypto/log/person.ts";
import { formatKit, kitDevice } from "../../../src/crypto/log/recovery.ts";
import { safetyWords } from "../../../src/crypto/log/safety-words.ts";
import { standingDevices, type TeamState } from "../../../src/crypto/log/state.ts";
import { seededRandom } from "../samples.ts";
import { everyKind } from "./every-kind.ts";
import { device, DEVICES, inviteSeed } from "./world.ts";

export function logVectors() {
  const { log, kit, invites, rotation, samples, lastRotation } = everyKind();
  const { state, keys } = log;
  const { epochKey, idKey, teamSecret, epoch } = keys;
  const hex = { epochKey, idKey, teamSecret };
  const readers = {
    ben: DEVICES.ben,
    laptop: DEVICES.laptop,
    dan: device("dan"),
    kit: kitDevice(kit),
  };
  const persons = [...state.devices].map(([id, { person }]) => [id, openPerson(person, id, idKey)]);
  return {
    team: state.team,
    entries: log.entries.map(toHex),
    kinds: samples.map(({ name }) => name),
    state: summary(state),
    persons: Object.fromEntries(persons),
    newestKeys: {
      epoch,
      ...Object.fromEntries(Object.entries(hex).map(([name, key]) => [name, toHex(key.reveal())])),
    },
    olderEpochKey: toHex(rotation.keys.epochKey.reveal()),
    records: { 2: toHex(rotation.record), 3: toHex(lastRotation.record) },
    devices: Object.fromEntries(
      Object.entries(readers).map(([name, one]) => [name, secretsOf(one)]),
    ),
    boxes: Object.fromEntries(
      Object.entries(readers).map(([name, one]) => [
        name,
        toHex(lastRotation.boxes.get(one.id) as Bytes),
      ]),
    ),
    invite: {
      text: encodeTeamInvite(invites.ada).reveal(),
      id: inviteAuthor(inviteSeed(invites.ada)).id,
      proof: toHex(teamInviteProof(invites.ada)),
      bundle: toHex(sealBundle(invites.ada, rotation.keys, seededRandom("bundle"))),
      teamSecret: toHex(rotation.keys.teamSecret.reveal()),
    },
    kit: formatKit(kit).reveal(),
    safetyWords: safetyWords(state.team, state.head),
  };
}

/** A state as JSON: hashes and keys in hex, maps as objects. */
export function summary(state: TeamState) {
  const devices = [...state.devices].map(([id, { member, kind, expiresMs, since, removed }]) => [
    id,
    { member, kind, expiresMs, since, removed: removed?.n ?? null },
  ]);
  return {
    head: { n: state.head.n, hash: toHex(state.head.hash) },
    timeMs: state.timeMs,
    members: Object.fromEntries(state.members),
    devices: Object.fromEntries(devices),
    standing: standingDevices(state, 0).toSorted(),
    invites: [...state.invites.keys()],
    epochs: state.epochs.map(({ number, former, commitment, recipients }) => ({
      ...{ number, former, commitment: toHex(commitment), recipients },
    })),
    access: [...state.access].map(([project, members]) => [project, [...members]]),
    retired: state.retired.map(({ n, member, forAll, why, scope }) => ({
      ...{ n, member, forAll, why, what: scope.what },
    })),
  };
}

function secretsOf(one: DeviceIdentity) {
  const { signSeed, boxSecret } = one.secret.reveal();
  return { id: one.id, signSeed: toHex(signSeed), boxSecret: toHex(boxSecret) };
}
