/** The format is frozen: what other devices and stored logs rely on. */
import { expect, test } from "vitest";
import { fromHex } from "../../../src/base/bytes.ts";
import type { TeamId } from "../../../src/base/ids.ts";
import { unwrap } from "../../../src/base/result.ts";
import { replay } from "../../../src/crypto/log/history.ts";
import { parseTeamInvite } from "../../../src/crypto/log/invite.ts";
import { parseKit } from "../../../src/crypto/log/recovery.ts";
import frozen from "../../vectors/log.json" with { type: "json" };
import {
  commitment,
  hashOfIdKey,
  readBox,
  readBundle,
  readInvite,
  readKit,
  readLog,
  readPerson,
  readRecord,
  wordsOf,
} from "./reader.ts";
import { logVectors, summary } from "./vectors.ts";

const BUMP =
  "the format of the team log changed: bump the version, keep reading the old one, and add vectors beside these";
const { team, entries } = frozen;

test("C15: a team's log, boxes, records, invites and kits are made as frozen", () => {
  expect(JSON.parse(JSON.stringify(logVectors())), BUMP).toEqual(frozen);
});

test("C15: the frozen log, invite and kit are read", () => {
  const { state } = unwrap(replay(team as TeamId, entries.map(fromHex), null));
  expect(JSON.parse(JSON.stringify(summary(state))), BUMP).toEqual(frozen.state);
  expect(unwrap(parseTeamInvite(frozen.invite.text)).team, BUMP).toBe(team);
  expect(unwrap(parseKit(frozen.kit)).team, BUMP).toBe(team);
});

test("C16: another reader, which shares no code, reads the frozen log to the same state", () => {
  const read = readLog(entries);
  expect(read.team).toBe(team);
  expect(read.state).toEqual(frozen.state);
  expect(read.idKeyHash.toString("hex")).toBe(hashOfIdKey(frozen.newestKeys.idKey));
  for (const [device, person] of Object.entries(frozen.persons))
    expect(readPerson(frozen.newestKeys.idKey, device, read.persons[device] as Buffer)).toEqual(
      person,
    );
  const changed = entries.with(
    3,
    (entries[3] as string).replace(/.$/, (x) => (x === "0" ? "1" : "0")),
  );
  expect(() => readLog(changed)).toThrow("reader: signature");
});

test("C16: it opens the frozen boxes and records, down to the first epoch", () => {
  for (const [name, box] of Object.entries(frozen.boxes)) {
    const { id, boxSecret } = frozen.devices[name as keyof typeof frozen.devices];
    expect(readBox(team, id, boxSecret, box)).toEqual(frozen.newestKeys);
  }
  const second = readRecord(team, frozen.newestKeys.epochKey, frozen.records[3]);
  expect(second).toBe(frozen.olderEpochKey);
  const keys = [readRecord(team, second, frozen.records[2]), second, frozen.newestKeys.epochKey];
  expect(keys.map((key, i) => commitment(team, i + 1, key))).toEqual(
    frozen.state.epochs.map((epoch) => epoch.commitment),
  );
});

test("C16: it reads the frozen invite, its bundle, the kit and the safety words", () => {
  const invite = readInvite(frozen.invite.text);
  expect(invite).toMatchObject({ team, id: frozen.invite.id, proof: frozen.invite.proof });
  expect(readBundle(invite, frozen.invite.bundle)).toEqual({
    teamSecret: frozen.invite.teamSecret,
    idKey: frozen.newestKeys.idKey,
  });
  const { signSeed, boxSecret } = frozen.devices.kit;
  expect(readKit(frozen.kit)).toEqual({ team, signSeed, boxSecret });
  const { n, hash } = frozen.state.head;
  expect(wordsOf(team, n, hash)).toEqual(frozen.safetyWords);
});
