/** Several devices write one log at once, some of them badly: random schedules of legal and illegal entries. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Bytes, equalBytes } from "../../../src/base/bytes.ts";
import { unwrap } from "../../../src/base/result.ts";
import { type DeviceIdentity, signKeyOf } from "../../../src/crypto/device.ts";
import { deviceAuthor, inviteAuthor } from "../../../src/crypto/log/author.ts";
import { type Body, type Kind, KINDS } from "../../../src/crypto/log/body.ts";
import { newcomer } from "../../../src/crypto/log/draft.ts";
import { decodeEntry } from "../../../src/crypto/log/entry.ts";
import { replay } from "../../../src/crypto/log/history.ts";
import { reduce } from "../../../src/crypto/log/reducer.ts";
import { roleOf, standingDevices, type TeamState } from "../../../src/crypto/log/state.ts";
import { noise } from "../samples.ts";
import { device, DEVICES, fence, forge, HOUR_MS, MEMBERS, personOf, world } from "./world.ts";

const begun = world();
const { state: first, entries: firstEntries } = begun.log;
const POOL: readonly DeviceIdentity[] = [
  ...Object.values(DEVICES),
  begun.kitDevice,
  ...["one", "two", "three"].map(device),
];
const AUTHORS = [...POOL, DEVICES.laptop, DEVICES.laptop, DEVICES.laptop, DEVICES.ben];
const WHO = [...Object.values(MEMBERS), "d4".repeat(16)];
const person = personOf(DEVICES.cy);
const seeds = [1, 2, 3].map((i) => noise(32, `invite ${i}`));
const pick = <T>(all: readonly T[], at: number): T => all[at % all.length] as T;

/** The same runs each time, where the test counts what came up in them. */
const SEEDED = (numRuns: number) => ({ numRuns, seed: 20_261_125 });

/** What somebody tries: numbers that choose author, deed, object and detail. */
type Try = readonly [author: number, deed: number, object: number, detail: number, hours: number];
const tries = fc.tuple(fc.nat(40), fc.nat(11), fc.nat(40), fc.nat(40), fc.nat(9));

function bytesOf(state: TeamState, [who, deed, object, detail, hours]: Try): Bytes {
  const invite = inviteAuthor(pick(seeds, who));
  const byInvite = deed === 11;
  const author = byInvite ? invite : deviceAuthor(pick(AUTHORS, who));
  const atMs = state.timeMs + hours * HOUR_MS;
  return forge(state, author, bodyOf(state, byInvite ? invite.id : null, deed, object, detail), {
    atMs,
  });
}

function bodyOf(
  state: TeamState,
  invite: string | null,
  deed: number,
  object: number,
  detail: number,
): Exclude<Body, { kind: "create" }> {
  const member = pick(WHO, object);
  const { id } = pick(POOL, object);
  switch (deed) {
    case 0:
      return { kind: "rename-device", device: id, person };
    case 1:
      return { kind: "role", member, role: pick(["owner", "admin", "member"], detail) };
    case 2:
      return { kind: "remove-device", device: id, fences: [fence(detail)] };
    case 3:
      return { kind: "remove-member", member, fences: [fence(detail)] };
    case 4:
    case 5: {
      const exact = standingDevices(state, 0);
      const recipients = detail % 4 === 0 ? exact.slice(1) : exact;
      const former = state.epochs.length - (detail % 5 === 0 ? 1 : 0);
      const commitment = noise(32, `${detail}`);
      return { kind: "epoch", epoch: state.epochs.length + 1, former, commitment, recipients };
    }
    case 6: {
      const signKey = signKeyOf(pick(seeds, object));
      const admits = pick(["own", "admin", "member"] as const, detail);
      return { kind: "invite", signKey, admits, expiresMs: state.timeMs + detail * 9 * HOUR_MS };
    }
    case 7:
      return { kind: "revoke-invite", invite: inviteAuthor(pick(seeds, object)).id };
    case 8:
      return {
        kind: "project-access",
        project: "99".repeat(16),
        members: detail % 3 === 0 ? null : [member],
      };
    case 9: {
      const scope = pick(
        [
          { what: "documents", documents: ["77".repeat(16)] },
          { what: "member", member, fences: [fence(detail)] },
          { what: "project", fence: fence(detail) },
        ] as const,
        detail,
      );
      return { kind: "retire", why: "unshared", scope };
    }
    default: {
      const inviteEntry = invite === null ? null : (state.invites.get(invite)?.entry.hash ?? null);
      const kind = pick(["ordinary", "ordinary", "ephemeral", "recovery"] as const, detail);
      const expiresMs = kind === "ephemeral" ? state.timeMs + (detail + 1) * HOUR_MS : null;
      const terms = { team: state.team, inviteEntry, member, kind, expiresMs };
      return { kind: "add-device", ...newcomer(pick(POOL, detail), terms), person };
    }
  }
}

/** What has to hold in every state, whoever wrote what. */
function expectSound(state: TeamState): void {
  const standing = standingDevices(state, 0);
  const owners = standing.filter((id) => {
    const { kind = "ephemeral", member = "" } = state.devices.get(id) ?? {};
    return kind !== "ephemeral" && roleOf(state, member) === "owner";
  });
  expect(owners.length).toBeGreaterThan(0);
  for (const id of standing)
    expect(roleOf(state, state.devices.get(id)?.member ?? ""), id).not.toBe(null);
  expect(state.epochs.map(({ number }) => number)).toEqual(state.epochs.map((_, i) => i + 1));
  for (const members of state.access.values())
    for (const member of members) expect(roleOf(state, member)).not.toBe(null);
  for (const { expiresMs } of state.invites.values())
    expect(expiresMs).toBeLessThan(state.timeMs + 31 * 24 * HOUR_MS);
}

describe("L13", () => {
  test("L13: random entries by all sorts of authors: never a throw, illegal ones change nothing", () => {
    const taken: Kind[] = [];
    let refused = 0;
    fc.assert(
      fc.property(fc.array(tries, { minLength: 10, maxLength: 30 }), (schedule) => {
        let state = first;
        const listed = [...firstEntries];
        for (const one of schedule) {
          const before = structuredClone(state);
          const bytes = bytesOf(state, one);
          const result = reduce(state, bytes);
          listed.push(bytes);
          expect(state).toEqual(before);
          if (result.ok) {
            taken.push(unwrap(decodeEntry(bytes)).body.kind);
            state = result.value;
            expectSound(state);
          } else refused++;
        }
        expect(unwrap(replay(first.team, listed, state.head)).state).toEqual(state);
      }),
      SEEDED(60),
    );
    expect(taken.length).toBeGreaterThan(100);
    expect(new Set(["create", ...taken])).toEqual(new Set(KINDS));
    expect(refused).toBeGreaterThan(100);
  });

  test("L13: devices that race for each place end with one log and one state, in any order", () => {
    const writes = fc.array(fc.tuple(fc.nat(2), tries), { minLength: 1, maxLength: 25 });
    fc.assert(
      fc.property(writes, (schedule) => {
        const server = [...firstEntries];
        const replicas = [first, first, first];
        for (const [who, one] of schedule) append(who, one);
        for (const who of [0, 1, 2]) pull(who);
        const [a, b, c] = replicas;
        expect(b).toEqual(a);
        expect(c).toEqual(a);
        expect(unwrap(replay(first.team, server, null)).state).toEqual(a);

        function append(who: number, one: Try): void {
          for (let attempt = 0; attempt < 2; attempt++) {
            const state = replicas[who] as TeamState;
            const bytes = bytesOf(state, one);
            const next = reduce(state, bytes);
            if (!next.ok) return;
            if (state.head.n === server.length - 1) {
              server.push(bytes);
              replicas[who] = next.value;
              return;
            }
            pull(who);
          }
        }

        function pull(who: number): void {
          for (let n = (replicas[who] as TeamState).head.n + 1; n < server.length; n++)
            replicas[who] = unwrap(reduce(replicas[who] as TeamState, server[n] as Bytes));
        }
      }),
      { numRuns: 40 },
    );
  });

  test("L13: two legal entries for one place: whichever is first, the log goes on, and is one", () => {
    let both = 0;
    fc.assert(
      fc.property(tries, tries, (one, two) => {
        const [a, b] = [bytesOf(first, one), bytesOf(first, two)];
        if (equalBytes(a, b) || !reduce(first, a).ok || !reduce(first, b).ok) return;
        both++;
        for (const [winner, loser] of [
          [a, b],
          [b, a],
        ] as const) {
          const state = unwrap(reduce(first, winner));
          const late = reduce(state, loser);
          expect(late.ok ? null : late.fault.type).toBe("log-place");
        }
      }),
      SEEDED(400),
    );
    expect(both).toBeGreaterThan(5);
  });
});
