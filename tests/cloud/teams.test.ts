import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { concatBytes, utf8 } from "../../src/base/bytes.ts";
import { Secret } from "../../src/base/secret.ts";
import { unwrap } from "../../src/base/result.ts";
import { systemRandom } from "../../src/base/random.ts";
import { createProject } from "../../src/cloud/projects.ts";
import {
  createTeam,
  inviteMember,
  inviteOwnDevice,
  joinTeam,
  teamState,
} from "../../src/cloud/teams.ts";
import { createTransport } from "../../src/cloud/transport.ts";
import { openCard } from "../../src/crypto/card.ts";
import { createDevice } from "../../src/crypto/device.ts";
import {
  encodeHeader,
  FIRST_SEQUENCE,
  KIND_UPDATE,
  projectTag,
  teamTag,
} from "../../src/crypto/header.ts";
import { rowHash } from "../../src/crypto/row.ts";
import type { TeamKeys } from "../../src/crypto/team.ts";
import { START } from "../../src/sync/streams.ts";
import type { Sealed, Signal } from "../../src/sync/transport.ts";
import { dumpRelay, spawnRelay } from "../relay/process.ts";
import {
  connectTo,
  means,
  memorySecrets,
  newAccount,
  PASSPHRASE,
  PASSWORD,
  startServer,
  type TestServer,
} from "./server.ts";
import { signIn } from "../../src/cloud/account.ts";

let server: TestServer;
let closing: (() => Promise<void>)[] = [];
beforeAll(async () => {
  server = await startServer();
}, 60_000);
afterAll(async () => {
  for (const close of closing) await close();
  await server.close();
});

let people = 0;
async function someone(at: { url: string; anonKey: string } = server) {
  const made = await newAccount(at, `person${people++}@example.org`);
  closing.push(() => made.connection.close());
  return made;
}

async function founded(at: { url: string; anonKey: string } = server) {
  const owner = await someone(at);
  const { keys, invite } = unwrap(
    await createTeam(owner.connection, PASSPHRASE, owner.seat, means),
  );
  return { ...owner, keys, invite: invite.reveal() };
}

/** Bytes that a server takes for a row; no device could open it. */
function sealedRow(
  keys: TeamKeys,
  device: string,
  seq = FIRST_SEQUENCE,
  project: string | null = null,
  text = "x",
): Sealed {
  const header = encodeHeader({
    kind: KIND_UPDATE,
    team: teamTag(keys.team),
    project: project && projectTag(project),
    document: "11".repeat(16),
    device,
    replica: "22".repeat(16),
    epoch: 1,
    seq,
    previous: new Uint8Array(32),
  });
  return concatBytes(header, utf8(text.padEnd(133, "."))) as Sealed;
}

/** Signals, one after the other. */
function signals(listen: (onSignal: (signal: Signal) => void) => () => void) {
  const heard: Signal[] = [];
  const waiting: ((signal: Signal) => void)[] = [];
  const stop = listen((signal) => {
    const next = waiting.shift();
    if (next) next(signal);
    else heard.push(signal);
  });
  const next = () => {
    const signal = heard.shift();
    return signal
      ? Promise.resolve(signal)
      : new Promise<Signal>((resolve) => waiting.push(resolve));
  };
  const until = async (is: Signal["is"]) => {
    for (;;) {
      const signal = await next();
      if (signal.is === is) return signal;
    }
  };
  return { stop, next, until };
}

describe("a team", () => {
  it("is joined by a second device of its account with the first invite, again and again", async () => {
    const { account, keys, invite } = await founded();
    for (const name of ["desktop", "tablet"]) {
      const connection = connectTo(server);
      closing.push(() => connection.close());
      unwrap(await signIn(connection, account.email, PASSWORD));
      const seat = { device: createDevice(systemRandom), person: { name, email: account.email } };
      const joined = unwrap(await joinTeam(connection, invite, PASSPHRASE, seat, means));
      expect(joined.epochKey.reveal()).toEqual(keys.epochKey.reveal());
      const state = unwrap(await teamState(connection, keys.team));
      expect(state.members).toHaveLength(1);
      const cards = state.devices.map(
        ({ device, card }) => unwrap(openCard(card, device, keys)).name,
      );
      expect(cards).toContain(name);
    }
  });

  it("is joined by another account with the invite made for it, once", async () => {
    const owner = await founded();
    const mia = await someone();
    const invite = unwrap(
      await inviteMember(
        owner.connection,
        owner.keys,
        mia.account.email.toUpperCase(),
        "member",
        systemRandom,
      ),
    );
    const keys = unwrap(
      await joinTeam(mia.connection, invite.reveal(), PASSPHRASE, mia.seat, means),
    );
    expect(keys.idKey.reveal()).toEqual(owner.keys.idKey.reveal());
    const state = unwrap(await teamState(mia.connection, owner.keys.team));
    expect(state.role).toBe("member");
    expect(state.members.map(({ role }) => role)).toEqual(["owner", "member"]);
    expect(state.devices.map(({ device }) => device)).toEqual([
      owner.seat.device.id,
      mia.seat.device.id,
    ]);
  });

  it("a device that is listed for another account is refused with a sentence", async () => {
    const owner = await founded();
    const mia = await someone();
    const invite = unwrap(
      await inviteMember(owner.connection, owner.keys, mia.account.email, "member", systemRandom),
    ).reveal();
    const seat = { ...mia.seat, device: owner.seat.device };
    expect(await joinTeam(mia.connection, invite, PASSPHRASE, seat, means)).toMatchObject({
      ok: false,
      fault: { type: "device-taken" },
    });
    expect((await joinTeam(mia.connection, invite, PASSPHRASE, mia.seat, means)).ok).toBe(true);
  });

  it("a wrong passphrase does not use the invite up", async () => {
    const owner = await founded();
    const mia = await someone();
    const invite = unwrap(
      await inviteMember(owner.connection, owner.keys, mia.account.email, "admin", systemRandom),
    ).reveal();
    const wrong = await joinTeam(
      mia.connection,
      invite,
      new Secret("ten green bottles"),
      mia.seat,
      means,
    );
    expect(wrong).toMatchObject({ ok: false, fault: { type: "wrong-passphrase" } });
    expect(unwrap(await teamState(owner.connection, owner.keys.team)).members).toHaveLength(1);
    expect((await joinTeam(mia.connection, invite, PASSPHRASE, mia.seat, means)).ok).toBe(true);
  });

  it("an invite for another account is refused even with the right passphrase, and still works for the right one", async () => {
    const owner = await founded();
    const [mia, eve] = [await someone(), await someone()];
    const invite = unwrap(
      await inviteMember(owner.connection, owner.keys, mia.account.email, "member", systemRandom),
    ).reveal();
    expect(await joinTeam(eve.connection, invite, PASSPHRASE, eve.seat, means)).toMatchObject({
      ok: false,
      fault: { type: "invite-for-another-account" },
    });
    expect(await joinTeam(eve.connection, owner.invite, PASSPHRASE, eve.seat, means)).toMatchObject(
      { ok: false, fault: { type: "invite-for-another-account" } },
    );
    expect((await joinTeam(mia.connection, invite, PASSPHRASE, mia.seat, means)).ok).toBe(true);
  });

  it("a member invites own devices, not other people", async () => {
    const owner = await founded();
    const mia = await someone();
    const invite = unwrap(
      await inviteMember(owner.connection, owner.keys, mia.account.email, "member", systemRandom),
    ).reveal();
    const keys = unwrap(await joinTeam(mia.connection, invite, PASSPHRASE, mia.seat, means));
    expect(
      await inviteMember(mia.connection, keys, "friend@example.org", "member", systemRandom),
    ).toMatchObject({ ok: false, fault: { type: "not-allowed" } });
    expect((await inviteOwnDevice(mia.connection, keys, systemRandom)).ok).toBe(true);
  });
});

describe("the transport", () => {
  it("pushes and pulls all streams of the team at once", async () => {
    const { connection, keys, seat } = await founded();
    const transport = createTransport(connection);
    const project = unwrap(await createProject(connection, keys.team));
    const ofTeam = { team: keys.team, project: null };
    const ofProject = { team: keys.team, project };
    const one = sealedRow(keys, seat.device.id);
    const two = sealedRow(keys, seat.device.id, 1, project);
    const pushed = unwrap(await transport.push(ofTeam, [one]));
    expect(pushed).toMatchObject([{ is: "stored", n: 1 }]);
    expect(unwrap(await transport.push(ofProject, [two, two]))).toMatchObject([
      { is: "stored", n: 1 },
      { is: "known", n: 1 },
    ]);
    expect(
      unwrap(await transport.push(ofTeam, [sealedRow(keys, seat.device.id, 1, null, "other")])),
    ).toEqual([{ is: "conflict" }]);

    const page = unwrap(await transport.pull(keys.team, [{ stream: ofTeam, cursor: START }], 10));
    expect(page.rows).toEqual([
      { stream: ofTeam, n: 1, row: one },
      { stream: ofProject, n: 1, row: two },
    ]);
    expect(page.more).toBe(false);
    expect(page.heads.map(({ stream, cursor }) => [stream, cursor.n])).toEqual([
      [ofTeam, 1],
      [ofProject, 1],
    ]);
    const first = pushed[0] as { h: Uint8Array };
    expect(page.heads[0]?.cursor.h).toEqual(first.h);
    expect(rowHash(page.rows[0]?.row as Uint8Array)).toEqual(rowHash(one));
    expect(unwrap(await transport.pull(keys.team, [], 1)).more).toBe(true);
    expect(unwrap(await transport.devices(keys.team)).map(({ device }) => device)).toEqual([
      seat.device.id,
    ]);
  });

  it("takes more than a call can hold in several", async () => {
    const { connection, keys, seat } = await founded();
    const rows = Array.from({ length: 30 }, (_, i) =>
      sealedRow(keys, seat.device.id, i + 1, null, "x".repeat(200_000)),
    );
    const transport = createTransport(connection);
    const answers = unwrap(await transport.push({ team: keys.team, project: null }, rows));
    expect(answers.map((answer) => answer.is === "stored" && answer.n)).toEqual(
      rows.map((_, i) => i + 1),
    );
    const page = unwrap(await transport.pull(keys.team, [], 100));
    expect(page.more).toBe(true);
    expect(page.rows.length).toBeLessThan(30);
  }, 20_000);

  it("says that the team has a newer key, and that one is no member", async () => {
    const { connection, keys, seat } = await founded();
    const stale = sealedRow(keys, seat.device.id);
    stale[86] = 2;
    expect(
      await createTransport(connection).push({ team: keys.team, project: null }, [stale]),
    ).toMatchObject({ ok: false, fault: { type: "stale-epoch" } });
    const stan = await someone();
    const transport = createTransport(stan.connection);
    for (const result of [
      await transport.pull(keys.team, [], 10),
      await transport.push({ team: keys.team, project: null }, [
        sealedRow(keys, stan.seat.device.id),
      ]),
      await transport.devices(keys.team),
    ])
      expect(result).toMatchObject({ ok: false, fault: { type: "not-a-member" } });
    const ears = signals((onSignal) => transport.listen(keys.team, onSignal));
    expect((await ears.next()).is).toBe("down");
    ears.stop();
  });

  it("tells when it listens, what arrives, when it hears nothing, and when it listens again", async () => {
    const folder = join(server.folder, "restarted");
    const first = await spawnRelay(folder);
    const { connection, keys, seat } = await founded(first);
    const transport = createTransport(connection);
    const stream = { team: keys.team, project: null };
    const ears = signals((onSignal) => transport.listen(keys.team, onSignal));
    expect(await ears.next()).toEqual({ is: "ready" });
    unwrap(await transport.push(stream, [sealedRow(keys, seat.device.id)]));
    expect(await ears.next()).toMatchObject({
      is: "poke",
      stream,
      n: 1,
      brought: { stream, n: 1 },
    });
    await first.stop("SIGKILL");
    expect((await ears.next()).is).toBe("down");
    expect(await transport.pull(keys.team, [], 10)).toMatchObject({
      ok: false,
      fault: { type: "no-network" },
    });
    const second = await spawnRelay(folder, Number(new URL(first.url).port));
    await ears.until("ready");
    expect(unwrap(await transport.pull(keys.team, [], 10)).rows).toHaveLength(1);
    unwrap(await transport.push(stream, [sealedRow(keys, seat.device.id, 2)]));
    expect(await ears.until("poke")).toMatchObject({ is: "poke", stream, n: 2 });
    ears.stop();
    await second.stop("SIGTERM");
  }, 40_000);

  it("notices a server that does not answer its heartbeat", async () => {
    const relay = await spawnRelay(join(server.folder, "frozen"));
    const { connection: other, account, keys } = await founded(relay);
    const secrets = memorySecrets();
    const connection = connectTo(relay, secrets, 200);
    closing.push(() => connection.close());
    unwrap(await signIn(connection, account.email, PASSWORD));
    const ears = signals((onSignal) => createTransport(connection).listen(keys.team, onSignal));
    expect(await ears.next()).toEqual({ is: "ready" });
    relay.process.kill("SIGSTOP");
    expect((await ears.next()).is).toBe("down");
    relay.process.kill("SIGCONT");
    await ears.until("ready");
    ears.stop();
    await other.close();
    await relay.stop();
  }, 40_000);
});

it("the relay holds no passphrase, team secret, key, invite, device's name or password", async () => {
  const relay = await spawnRelay(join(server.folder, "looked-into"));
  const owner = await founded(relay);
  const invite = unwrap(
    await inviteMember(owner.connection, owner.keys, "friend@example.org", "member", systemRandom),
  ).reveal();
  await owner.connection.close();
  await relay.stop("SIGTERM");
  const held = await dumpRelay(join(server.folder, "looked-into"));
  expect(held.includes(owner.keys.team)).toBe(true);
  const { keys, seat } = owner;
  const secrets = [
    utf8(PASSPHRASE.reveal()),
    utf8(PASSWORD.reveal()),
    utf8("a laptop"),
    utf8("friend@example.org"),
    utf8(invite),
    utf8(owner.invite),
    keys.epochKey.reveal(),
    keys.idKey.reveal(),
    keys.teamSecret.reveal(),
    seat.device.signKey,
    seat.device.secret.reveal().signSeed,
  ];
  for (const secret of secrets.map((bytes) => Buffer.from(bytes)))
    for (const form of [
      secret,
      secret.toString("hex"),
      secret.toString("base64").replaceAll("=", ""),
    ])
      expect(held.includes(form)).toBe(false);
}, 30_000);
