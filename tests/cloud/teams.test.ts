import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Bytes, concatBytes, fromHex, utf8 } from "../../src/base/bytes.ts";
import { systemRandom } from "../../src/base/random.ts";
import { unwrap } from "../../src/base/result.ts";
import { signIn } from "../../src/cloud/account.ts";
import { sha256 } from "../../src/crypto/hash.ts";
import { createProject } from "../../src/cloud/projects.ts";
import { createTransport } from "../../src/cloud/transport.ts";
import {
  encodeHeader,
  FIRST_SEQUENCE,
  KIND_UPDATE,
  projectTag,
  teamTag,
} from "../../src/crypto/header.ts";
import { deviceAuthor } from "../../src/crypto/log/author.ts";
import { addDevice, newcomer } from "../../src/crypto/log/draft.ts";
import { entryHash } from "../../src/crypto/log/entry.ts";
import { encodeTeamInvite, makeInvite, teamInviteProof } from "../../src/crypto/log/invite.ts";
import { openKeys, sealKeys } from "../../src/crypto/log/key-box.ts";
import { openEpochChain } from "../../src/crypto/log/epoch.ts";
import { roleOf } from "../../src/crypto/log/state.ts";
import { PRESENCE_BYTES } from "../../src/crypto/presence.ts";
import { rowHash } from "../../src/crypto/row.ts";
import type { TeamKeys } from "../../src/crypto/team.ts";
import { START } from "../../src/sync/streams.ts";
import type { Heard, Sealed, Signal } from "../../src/sync/transport.ts";
import { dumpRelay, spawnRelay } from "../relay/process.ts";
import {
  connectTo,
  memorySecrets,
  PASSPHRASE,
  PASSWORD,
  startServer,
  type TestServer,
} from "./server.ts";
import {
  append,
  draft,
  fencesOf,
  foundedBy,
  founding,
  invited,
  joinedBy,
  keyRecord,
  memberOf,
  now,
  readOn,
  removal,
  remove,
  say,
  seated,
  type Someone,
  someoneAt,
} from "./team.ts";

let server: TestServer;
const closing: (() => Promise<void>)[] = [];
beforeAll(async () => {
  server = await startServer();
}, 60_000);
afterAll(async () => {
  for (const close of closing) await close();
  await server.close();
});

let people = 0;
async function someone(at: { url: string; anonKey: string } = server): Promise<Someone> {
  const made = await someoneAt(at, `person${people++}@example.org`);
  closing.push(() => made.connection.close());
  return made;
}

/** Another device of the same account. */
async function another({ account }: Someone): Promise<Someone> {
  const connection = connectTo(server);
  closing.push(() => connection.close());
  unwrap(await signIn(connection, account.email, PASSWORD));
  return seated(connection, account);
}

async function founded(at: { url: string; anonKey: string } = server) {
  const owner = await someone(at);
  return { owner, team: await foundedBy(owner) };
}

/** A team of an owner and a member. */
async function ofTwo() {
  const { owner, team } = await founded();
  const mia = await someone();
  unwrap(await joinedBy(mia, await invited(owner, team, "member", mia.account.email)));
  await readOn(owner, team);
  return { owner, team, mia };
}

const faulty = (type: string) => ({
  ok: false,
  fault: { type, message: expect.stringMatching(/^[A-Z1].{40,}\.$/) },
});
/** Of the hash of the entry before, in an entry. */
const PREVIOUS_AT = 22;
const ofTeam = ({ id }: { id: TeamKeys["team"] }) => ({ team: id, project: null });

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
    epoch: keys.epoch,
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
  const rest = () => heard.splice(0);
  const until = async (is: Signal["is"]) => {
    for (;;) {
      const signal = await next();
      if (signal.is === is) return signal;
    }
  };
  return { stop, next, until, rest };
}

describe("a log on a server", () => {
  it("is founded once, and read by who is in the team", async () => {
    const owner = await someone();
    const { keys, state, entries } = founding(owner);
    unwrap(await owner.server.appendLog(keys.team, 0, entries));
    expect(await owner.server.appendLog(keys.team, 0, entries)).toMatchObject(faulty("log-moved"));
    const { entries: read, listed } = unwrap(await owner.server.readLog(keys.team, 0));
    expect([read, listed]).toEqual([entries.map(({ entry }) => entry), 2]);
    expect(unwrap(await owner.server.readLog(keys.team, 1)).entries).toEqual(read.slice(1));
    const [epoch, ...none] = unwrap(await owner.server.epochs(keys.team, owner.device.id));
    expect(none).toEqual([]);
    expect(epoch?.entry).toEqual(entryHash(read[1] as Uint8Array));
    expect([epoch?.record, epoch?.keyRecord]).toEqual([null, entries[1]?.epoch?.keyRecord]);
    const box = openKeys(state, epoch?.box as Uint8Array, owner.device);
    expect(unwrap(box).epochKey.reveal()).toEqual(keys.epochKey.reveal());

    const stan = await someone();
    for (const result of [
      await stan.server.readLog(keys.team, 0),
      await stan.server.epochs(keys.team, owner.device.id),
      await stan.server.appendLog(keys.team, 2, entries),
    ])
      expect(result).toMatchObject(faulty("not-a-member"));
    expect(
      await stan.server.putKeyRecord(keys.team, epoch?.entry as never, keyRecord(keys)),
    ).toMatchObject(faulty("not-allowed"));
  });

  it("is read in pages", async () => {
    const { owner, team } = await founded();
    const documents = Array.from({ length: 4000 }, (_, i) => i.toString(16).padStart(32, "0"));
    const scope = { what: "documents", documents } as const;
    const { bytes } = draft(owner, team.state, { kind: "retire", why: "unshared", scope });
    // Only devices see that these do not fit.
    const other = (bytes[PREVIOUS_AT] as number) ^ 1;
    const bent = (i: number) => ({
      entry: bytes.with(PREVIOUS_AT, other).with(PREVIOUS_AT + 1, i),
    });
    for (let i = 0; i < 80; i += 20) {
      const some = Array.from({ length: 20 }, (_, k) => bent(i + k));
      unwrap(await owner.server.appendLog(team.id, 2 + i, some));
    }
    const first = unwrap(await owner.server.readLog(team.id, 0));
    expect(first.listed).toBe(82);
    expect(first.entries.length).toBeLessThan(82);
    const rest = unwrap(await owner.server.readLog(team.id, first.entries.length));
    expect(first.entries.length + rest.entries.length).toBe(82);
    const { state } = team;
    await readOn(owner, team);
    expect(team.state).toBe(state);
  }, 30_000);

  it("takes the first of two who append at once, and the other when the draft is new", async () => {
    const { owner, team, mia } = await ofTwo();
    const theirs = { ...team };
    const body = (who: Someone) => ({ kind: "rename-device" as const, device: who.device.id });
    const person = team.state.devices.get(mia.device.id)?.person as never;
    const answers = await Promise.all([
      say(owner, team, { ...body(owner), person }),
      say(mia, theirs, { ...body(mia), person }),
    ]);
    expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
    const [loser, behind] = answers[0].ok ? ([mia, theirs] as const) : ([owner, team] as const);
    expect(answers.find(({ ok }) => !ok)).toMatchObject(faulty("log-moved"));
    await readOn(loser, behind);
    unwrap(await say(loser, behind, { ...body(loser), person }));
    expect(behind.state.head.n).toBe(behind.listed - 1);
  });

  it("is joined by the account that an invite is for, once, after as many looks as it likes", async () => {
    const { owner, team } = await founded();
    const [mia, eve] = [await someone(), await someone()];
    const invite = await invited(owner, team, "member", mia.account.email.toUpperCase());
    const proof = teamInviteProof(invite);
    for (let looks = 0; looks < 2; looks++) unwrap(await mia.server.openInvite(team.id, proof));
    expect(await eve.server.openInvite(team.id, proof)).toMatchObject(
      faulty("invite-for-another-account"),
    );
    const joined = unwrap(await joinedBy(mia, invite));
    expect(joined.keys.epochKey.reveal()).toEqual(team.keys.epochKey.reveal());
    expect(roleOf(joined.state, memberOf(mia))).toBe("member");
    expect(await mia.server.openInvite(team.id, proof)).toMatchObject(faulty("invite"));
    expect(await joinedBy(mia, invite)).toMatchObject(faulty("invite"));
    unwrap(await mia.server.readLog(team.id, 0));
  });

  it("is joined by a further device of an account with its own invite", async () => {
    const { owner, team } = await founded();
    const phone = await another(owner);
    const invite = await invited(owner, team, "own", null);
    const eve = await someone();
    expect(await joinedBy(eve, invite)).toMatchObject(faulty("invite-for-another-account"));
    unwrap(await joinedBy(phone, invite));
    unwrap(await phone.transport.push(ofTeam(team), [sealedRow(team.keys, phone.device.id)]));
    await readOn(owner, team);
    expect([...team.state.devices.keys()]).toEqual([owner.device.id, phone.device.id]);
  });

  it("is joined by a device that another one adds, with a box of the keys", async () => {
    const { owner, team } = await founded();
    const phone = await another(owner);
    const person = { name: "a telephone", email: owner.account.email };
    const itself = newcomer(phone.device, {
      team: team.id,
      inviteEntry: null,
      member: memberOf(owner),
      kind: "ordinary",
      expiresMs: null,
    });
    const author = deviceAuthor(owner.device);
    const next = unwrap(
      addDevice(team.state, author, itself, person, team.keys.idKey, now(), systemRandom),
    );
    const box = unwrap(sealKeys(next.state, team.keys, phone.device.id, now(), systemRandom));
    unwrap(await append(owner, team, [[next, { box }]]));
    const [epoch] = unwrap(await phone.server.epochs(team.id, phone.device.id));
    expect(epoch?.box).toEqual(box);
    expect(unwrap(openKeys(team.state, box, phone.device)).epoch).toBe(1);
  });

  it("keeps invites and the passphrase's record to who may change them", async () => {
    const { owner, team, mia } = await ofTwo();
    const terms = { admits: "member", expiresMs: now() + 1000 } as const;
    const theirs = makeInvite(team.state, mia.device, terms, now(), systemRandom);
    expect(theirs.ok).toBe(false);
    const invite = await invited(owner, team, "admin", "friend@example.org");
    unwrap(
      await say(owner, team, {
        kind: "revoke-invite",
        invite: [...team.state.invites.keys()][0] ?? "",
      }),
    );
    expect(await owner.server.openInvite(team.id, teamInviteProof(invite))).toMatchObject(
      faulty("invite"),
    );
    const [epoch] = unwrap(await owner.server.epochs(team.id, owner.device.id));
    const entry = epoch?.entry as never;
    const record = keyRecord(team.keys);
    expect(await mia.server.putKeyRecord(team.id, entry, record)).toMatchObject(
      faulty("not-allowed"),
    );
    unwrap(await owner.server.putKeyRecord(team.id, entry, record));
    const [put] = unwrap(await mia.server.epochs(team.id, mia.device.id));
    expect([put?.keyRecord, put?.box]).toEqual([record, null]);
  });
});

describe("a removal", () => {
  it("ends a member's rights: calls are refused, an open socket hears and speaks nothing", async () => {
    const { owner, team, mia } = await ofTwo();
    const stream = ofTeam(team);
    const tag = "0".repeat(32);
    const ears = signals((onSignal) => mia.transport.listen(team.id, 1, onSignal));
    const own = signals((onSignal) => owner.transport.listen(team.id, 1, onSignal));
    for (const each of [ears, own]) expect(await each.next()).toEqual({ is: "ready" });
    const seen: Heard[] = [];
    const looking = owner.transport.look(stream, tag, (heard) => {
      if (heard.is !== "ready") seen.push(heard);
    });
    const mouth = mia.transport.look(stream, tag, () => undefined);
    unwrap(await mia.transport.push(stream, [sealedRow(team.keys, mia.device.id)]));
    for (const each of [ears, own]) expect(await each.next()).toMatchObject({ is: "poke", n: 1 });

    const before = team.keys;
    unwrap(await remove(owner, team, { member: memberOf(mia) }));
    expect(await ears.next()).toMatchObject({ is: "down" });
    expect(await own.next()).toEqual({ is: "log", listed: team.listed });
    const next = signals((onSignal) => owner.transport.listen(team.id, 2, onSignal));
    const strange = signals((onSignal) => mia.transport.listen(team.id, 2, onSignal));
    expect(await next.next()).toEqual({ is: "ready" });
    expect(await strange.next()).toMatchObject({ is: "down" });
    for (const keys of [before, team.keys]) {
      const row = sealedRow(keys, mia.device.id, 2);
      mouth.send("row", row);
      mouth.send("presence", new Uint8Array(PRESENCE_BYTES) as never);
      expect(await mia.transport.push(stream, [row])).toMatchObject(faulty("not-a-member"));
    }
    for (const result of [
      await mia.transport.pull(team.id, [], 1),
      await mia.server.readLog(team.id, 0),
      await mia.server.epochs(team.id, mia.device.id),
      await mia.server.appendLog(team.id, team.listed, []),
    ])
      expect(result).toMatchObject(faulty("not-a-member"));
    expect(await createProject(mia.connection, team.id)).toMatchObject(faulty("not-allowed"));
    const row = sealedRow(team.keys, owner.device.id);
    unwrap(await owner.transport.push(stream, [row]));
    expect(await next.next()).toMatchObject({ is: "poke", n: 2 });
    expect(seen).toEqual([]);
    for (const each of [ears, strange])
      expect(each.rest().filter(({ is }) => is !== "down")).toEqual([]);
    expect(own.rest()).toEqual([]);
    for (const each of [ears, own, next, strange]) each.stop();
    for (const each of [looking, mouth]) each.close();
  }, 30_000);

  it("of a device leaves the member's others, and whoever remains has the new keys", async () => {
    const { owner, team, mia } = await ofTwo();
    const phone = await another(mia);
    const theirs = { ...team };
    unwrap(await joinedBy(phone, await invited(mia, theirs, "own", null)));
    await readOn(owner, team);
    const stream = ofTeam(team);
    unwrap(await phone.transport.push(stream, [sealedRow(team.keys, phone.device.id)]));
    const first = team.keys.epochKey.reveal();
    unwrap(await remove(owner, team, { device: phone.device.id }));
    expect(
      await mia.transport.push(stream, [sealedRow({ ...team.keys, epoch: 1 }, mia.device.id)]),
    ).toMatchObject(faulty("stale-epoch"));
    const kept = unwrap(await mia.server.epochs(team.id, mia.device.id));
    const keys = unwrap(openKeys(team.state, kept[1]?.box as Uint8Array, mia.device));
    const records = new Map([[2, kept[1]?.record as Uint8Array]]);
    const chain = unwrap(openEpochChain(team.state, keys, records));
    expect(chain.get(1)?.reveal()).toEqual(first);
    unwrap(await mia.transport.push(stream, [sealedRow(keys, mia.device.id)]));
    expect(await phone.transport.push(stream, [sealedRow(keys, phone.device.id, 2)])).toMatchObject(
      faulty("not-allowed"),
    );
    const after = unwrap(await phone.server.epochs(team.id, phone.device.id));
    expect(after.map(({ box }) => box)).toEqual([null, null]);
  });

  it("is refused with fences that are not the streams' heads, and nothing of it happens", async () => {
    const { owner, team, mia } = await ofTwo();
    const stream = ofTeam(team);
    const fences = await fencesOf(owner, team);
    unwrap(await mia.transport.push(stream, [sealedRow(team.keys, mia.device.id)]));
    const late = removal(owner, team, { member: memberOf(mia) }, fences);
    expect(await append(owner, team, late.entries)).toMatchObject(faulty("fence-stale"));
    expect(
      await mia.transport.push(stream, [sealedRow(team.keys, mia.device.id, 2)]),
    ).toMatchObject(faulty("not-allowed"));
    unwrap(await createProject(owner.connection, team.id));
    const more = await fencesOf(owner, team);
    // Without the stream that she wrote to; of the empty project none is needed.
    const less = removal(owner, team, { member: memberOf(mia) }, more.slice(1));
    expect(await append(owner, team, less.entries)).toMatchObject(faulty("fence-stale"));
    expect(unwrap(await mia.transport.pull(team.id, [], 1)).listed).toBe(team.listed);
    unwrap(await remove(owner, team, { member: memberOf(mia) }));
  });

  it("beside pushes: what was taken lies before the fences, the rest is refused", async () => {
    const { owner, team, mia } = await ofTwo();
    const stream = ofTeam(team);
    const taken: number[] = [];
    const pushing = (async () => {
      for (let seq = FIRST_SEQUENCE; ; seq++) {
        const row = sealedRow({ ...team.keys, epoch: 1 }, mia.device.id, seq);
        const pushed = await mia.transport.push(stream, [row]);
        if (!pushed.ok) return pushed;
        taken.push(...pushed.value.flatMap((answer) => (answer.is === "stored" ? answer.n : [])));
      }
    })();
    const once = await remove(owner, team, { member: memberOf(mia) });
    if (!once.ok) {
      expect(once).toMatchObject(faulty("fence-stale"));
      // Nobody can keep it up for ever.
      unwrap(await remove(owner, team, { member: memberOf(mia) }));
    }
    expect((await pushing).fault.type).toMatch(/^(not-a-member|not-allowed)$/);
    const gone = team.state.devices.get(mia.device.id)?.removed;
    expect(gone?.fences.map(({ n }) => n)).toEqual([taken.length]);
  }, 30_000);

  it("is made by somebody who does not see a project, too", async () => {
    const { owner, team, mia } = await ofTwo();
    const project = unwrap(await createProject(mia.connection, team.id));
    const ofProject = { team: team.id, project };
    unwrap(
      await say(owner, team, {
        kind: "project-access",
        project: projectTag(project),
        members: [memberOf(mia)],
      }),
    );
    unwrap(await mia.transport.push(ofProject, [sealedRow(team.keys, mia.device.id, 1, project)]));
    const { rows, heads } = unwrap(await owner.transport.pull(team.id, [], 10));
    expect([rows, heads.map(({ stream }) => stream)]).toEqual([[], [ofTeam(team)]]);
    unwrap(await remove(owner, team, { member: memberOf(mia) }));
  });

  it("takes no epoch that was wrapped as a key record that is another by now", async () => {
    const { owner, team, mia } = await ofTwo();
    const fences = await fencesOf(owner, team);
    const { entries } = removal(owner, team, { member: memberOf(mia) }, fences);
    const [gone, [rotation, { epoch }]] = entries;
    const [inUse] = unwrap(await owner.server.epochs(team.id, owner.device.id));
    const wrappedAs = (keyRecord: Bytes) => {
      const asOf = { entry: inUse?.entry as Bytes, keyRecord: sha256(keyRecord) };
      return [gone, [rotation, { epoch: { ...epoch, asOf } }]] as const;
    };
    const late = await append(owner, team, wrappedAs(utf8("another record")));
    expect(late).toMatchObject(faulty("log-moved"));
    unwrap(await append(owner, team, wrappedAs(inUse?.keyRecord as Bytes)));
  });

  it("ends open invites, and takes no epoch that is not for all", async () => {
    const { owner, team, mia } = await ofTwo();
    const nina = await someone();
    const invite = await invited(owner, team, "member", nina.account.email);
    const fences = await fencesOf(owner, team);
    const { entries } = removal(owner, team, { member: memberOf(mia) }, fences);
    const [gone, [rotation, { epoch }]] = entries;
    const bad = [gone, [rotation, { epoch: { ...epoch, boxes: new Map() } }]] as const;
    expect(await append(owner, team, bad)).toMatchObject(faulty("epoch-incomplete"));
    unwrap(await nina.server.openInvite(team.id, teamInviteProof(invite)));
    unwrap(await append(owner, team, entries));
    expect(await nina.server.openInvite(team.id, teamInviteProof(invite))).toMatchObject(
      faulty("invite"),
    );
  });
});

describe("the transport", () => {
  it("pushes and pulls all streams of the team at once", async () => {
    const { owner, team } = await founded();
    const { connection, device, transport } = owner;
    const { keys } = team;
    const project = unwrap(await createProject(connection, keys.team));
    const ofItself = ofTeam(team);
    const ofProject = { team: keys.team, project };
    const one = sealedRow(keys, device.id);
    const two = sealedRow(keys, device.id, 1, project);
    const pushed = unwrap(await transport.push(ofItself, [one]));
    expect(pushed).toMatchObject([{ is: "stored", n: 1 }]);
    expect(unwrap(await transport.push(ofProject, [two, two]))).toMatchObject([
      { is: "stored", n: 1 },
      { is: "known", n: 1 },
    ]);
    expect(
      unwrap(await transport.push(ofItself, [sealedRow(keys, device.id, 1, null, "other")])),
    ).toEqual([{ is: "conflict" }]);

    const page = unwrap(await transport.pull(keys.team, [{ stream: ofItself, cursor: START }], 10));
    expect(page.rows).toEqual([
      { stream: ofItself, n: 1, row: one },
      { stream: ofProject, n: 1, row: two },
    ]);
    expect(page.more).toBe(false);
    expect(page.heads.map(({ stream, cursor }) => [stream, cursor.n])).toEqual([
      [ofItself, 1],
      [ofProject, 1],
    ]);
    const first = pushed[0] as { h: Uint8Array };
    expect(page.heads[0]?.cursor.h).toEqual(first.h);
    expect(rowHash(page.rows[0]?.row as Uint8Array)).toEqual(rowHash(one));
    expect(unwrap(await transport.pull(keys.team, [], 1)).more).toBe(true);
    expect(page.listed).toBe(team.listed);
  });

  it("takes more than a call can hold in several", async () => {
    const { owner, team } = await founded();
    const { device, transport } = owner;
    const { keys } = team;
    const rows = Array.from({ length: 30 }, (_, i) =>
      sealedRow(keys, device.id, i + 1, null, "x".repeat(200_000)),
    );
    const answers = unwrap(await transport.push({ team: keys.team, project: null }, rows));
    expect(answers.map((answer) => answer.is === "stored" && answer.n)).toEqual(
      rows.map((_, i) => i + 1),
    );
    const page = unwrap(await transport.pull(keys.team, [], 100));
    expect(page.more).toBe(true);
    expect(page.rows.length).toBeLessThan(30);
  }, 20_000);

  it("says that the team has a newer key, and that one is no member", async () => {
    const { owner, team } = await founded();
    const { device } = owner;
    const { keys } = team;
    const stale = sealedRow(keys, device.id);
    stale[86] = 2;
    expect(await owner.transport.push({ team: keys.team, project: null }, [stale])).toMatchObject({
      ok: false,
      fault: { type: "stale-epoch" },
    });
    const stan = await someone();
    const { transport } = stan;
    for (const result of [
      await transport.pull(keys.team, [], 10),
      await transport.push({ team: keys.team, project: null }, [sealedRow(keys, stan.device.id)]),
    ])
      expect(result).toMatchObject({ ok: false, fault: { type: "not-a-member" } });
    const ears = signals((onSignal) => transport.listen(keys.team, 1, onSignal));
    expect((await ears.next()).is).toBe("down");
    ears.stop();
  });

  it("tells when it listens, what arrives, when it hears nothing, and when it listens again", async () => {
    const folder = join(server.folder, "restarted");
    const first = await spawnRelay(folder);
    const { owner, team } = await founded(first);
    const { device, transport } = owner;
    const { keys } = team;
    const stream = ofTeam(team);
    const ears = signals((onSignal) => transport.listen(keys.team, 1, onSignal));
    expect(await ears.next()).toEqual({ is: "ready" });
    unwrap(await transport.push(stream, [sealedRow(keys, device.id)]));
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
    unwrap(await transport.push(stream, [sealedRow(keys, device.id, 2)]));
    expect(await ears.until("poke")).toMatchObject({ is: "poke", stream, n: 2 });
    ears.stop();
    await second.stop("SIGTERM");
  }, 40_000);

  it("notices a server that does not answer its heartbeat", async () => {
    const relay = await spawnRelay(join(server.folder, "frozen"));
    const { owner, team } = await founded(relay);
    const secrets = memorySecrets();
    const connection = connectTo(relay, secrets, 200);
    closing.push(() => connection.close());
    unwrap(await signIn(connection, owner.account.email, PASSWORD));
    const ears = signals((onSignal) => createTransport(connection).listen(team.id, 1, onSignal));
    expect(await ears.next()).toEqual({ is: "ready" });
    relay.process.kill("SIGSTOP");
    expect((await ears.next()).is).toBe("down");
    relay.process.kill("SIGCONT");
    await ears.until("ready");
    ears.stop();
    await owner.connection.close();
    await relay.stop();
  }, 40_000);
});

it("the relay holds no passphrase, team secret, key, invite, device's name or password", async () => {
  const relay = await spawnRelay(join(server.folder, "looked-into"));
  const { owner, team } = await founded(relay);
  const invite = await invited(owner, team, "member", "friend@example.org");
  await owner.connection.close();
  await relay.stop("SIGTERM");
  const held = await dumpRelay(join(server.folder, "looked-into"));
  expect(held.includes(team.id)).toBe(true);
  expect(held.includes(Buffer.from(fromHex(owner.device.id)))).toBe(true);
  const { keys } = team;
  const secrets = [
    utf8(PASSPHRASE.reveal()),
    utf8(PASSWORD.reveal()),
    utf8("a laptop"),
    utf8("friend@example.org"),
    utf8(encodeTeamInvite(invite).reveal()),
    teamInviteProof(invite),
    invite.secret.reveal(),
    keys.epochKey.reveal(),
    keys.idKey.reveal(),
    keys.teamSecret.reveal(),
    owner.device.secret.reveal().signSeed,
    owner.device.secret.reveal().boxSecret,
  ];
  for (const secret of secrets.map((bytes) => Buffer.from(bytes)))
    for (const form of [
      secret,
      secret.toString("hex"),
      secret.toString("base64").replaceAll("=", ""),
    ])
      expect(held.includes(form)).toBe(false);
}, 30_000);
