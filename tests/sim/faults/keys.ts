/** Keys and cards that are not what they seem. */
import { concatBytes, utf8 } from "../../../src/base/bytes.ts";
import { unwrap } from "../../../src/base/result.ts";
import { Secret } from "../../../src/base/secret.ts";
import { sealCard } from "../../../src/crypto/card.ts";
import { createDevice, deviceId, sign } from "../../../src/crypto/device.ts";
import { labelBytes, u32 } from "../../../src/crypto/hash.ts";
import { newKdf } from "../../../src/crypto/kdf.ts";
import { createTeamKeys, openKeyRecord, sealKeyRecord } from "../../../src/crypto/team.ts";
import { sealUpdate } from "../../../src/sync/seal.ts";
import { START } from "../../../src/sync/streams.ts";
import { KEYS, TEAM } from "../cast.ts";
import { says } from "../oracle.ts";
import { tainted } from "./members.ts";
import { common, type Inject, streamOf, TAINT, two, write } from "./fault.ts";

/** A device that the server made up, with a card as well as it can make one, and a row of it. */
export const ghostDevice: Inject = async (world, dice) => {
  const ghost = createDevice(dice.bytes);
  world.relay.cards.push({ device: ghost.id, card: unsealedCard(ghost) });
  const document = await common(world, dice);
  const stream = streamOf(document);
  const keys = createTeamKeys(TEAM, dice.bytes);
  const author = { keys: { ...keys, idKey: KEYS.idKey }, device: ghost, replica: "ab".repeat(16) };
  const target = { doc: document.id, kind: document.kind, stream };
  const [sealed] = sealUpdate(author, target, utf8(TAINT), null, START, dice.bytes);
  if (sealed) world.relay.insert(world.relay.view, stream, sealed.row);
  await world.settle();
  let shown = false;
  for (const device of world.devices) {
    await world.once(device);
    const cards = device.start().sync.cards();
    await world.settle(cards);
    const known = await cards;
    shown ||= known.ok && known.value.has(ghost.id);
  }
  return { alarms: ["refused"], misled: [], clean: () => !shown };
};

/** A card in clear, where a sealed one has to be: all that can be made without the team's key. */
function unsealedCard(device: ReturnType<typeof createDevice>) {
  const said = concatBytes(device.signKey, device.boxKey, text("ghost"), text("ghost@example.org"));
  const context = concatBytes(labelBytes("card"), u32(TEAM.length), utf8(TEAM));
  const plain = new Uint8Array(512);
  plain.set(concatBytes(said, sign(device, concatBytes(context, said))));
  return concatBytes(
    new Uint8Array([1]),
    u32(KEYS.epoch),
    new Uint8Array(24),
    plain,
    new Uint8Array(16),
  );
}

function text(said: string) {
  return concatBytes(new Uint8Array([said.length]), utf8(said));
}

/** The server and a member put other keys under a known device's id, and write in its name. */
export const swappedKey: Inject = async (world, dice) => {
  const [victim, reader] = two(world, dice);
  const document = await common(world, dice);
  const impostor = { ...createDevice(dice.bytes), id: victim.identity.id };
  if (deviceId(impostor) === impostor.id) throw new Error("two devices with one id");
  const card = sealCard(impostor, { name: "x", email: "x@example.org" }, KEYS, dice.bytes);
  const listed = world.relay.cards;
  world.relay.cards = listed.map((held) =>
    held.device === impostor.id ? { device: impostor.id, card } : held,
  );
  await world.restart(reader);
  const author = { keys: KEYS, device: impostor, replica: "ab".repeat(16) };
  const target = { doc: document.id, kind: document.kind, stream: streamOf(document) };
  const [sealed] = sealUpdate(author, target, tainted(dice), null, START, dice.bytes);
  if (sealed) world.relay.insert(world.relay.view, target.stream, sealed.row);
  await world.settle();
  await world.once(reader);
  await write(world, victim, document, "still me ");
  for (const device of world.devices) await world.once(device);
  const clean = () => world.devices.every((device) => !says(device, TAINT));
  // Who does not know the device's card refuses its rows, its true ones too.
  return {
    alarms: ["refused", "withheld"],
    misled: world.devices,
    clean,
    end: () => {
      world.relay.cards = listed;
    },
  };
};

/** To somebody who joins, the server says that the passphrase was stretched less than it may be. */
export const weakKdf: Inject = async (_world, dice) => {
  const passphrase = new Secret("correct horse battery staple");
  const limits = { minOps: 1, maxOps: 1, minMemoryKiB: 8, maxMemoryKiB: 8 };
  const record = unwrap(
    sealKeyRecord(KEYS, passphrase, newKdf(dice.bytes, limits), dice.bytes, limits),
  );
  const opened = openKeyRecord(record, TEAM, passphrase, KEYS.teamSecret);
  const refused = !opened.ok && opened.fault.type === "kdf-refused";
  return { alarms: [], misled: [], mustAlarm: true, clean: () => refused };
};
