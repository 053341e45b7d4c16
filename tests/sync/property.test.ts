import fc from "fast-check";
import { expect, test } from "vitest";
import type * as Y from "yjs";
import { toHex } from "../../src/base/bytes.ts";
import type { DocId } from "../../src/base/ids.ts";
import { rowHash } from "../../src/crypto/row.ts";
import { PROJECT_STREAM, TEAM, TEAM_STREAM, type TestDevice, TestTeam } from "./team.ts";

const DOCS = ["dec_a", "dec_b", "notes_c"];

type Step =
  | {
      readonly is: "type";
      readonly who: number;
      readonly doc: number;
      readonly at: number;
      readonly text: string;
    }
  | {
      readonly is: "erase";
      readonly who: number;
      readonly doc: number;
      readonly at: number;
      readonly length: number;
    }
  | {
      readonly is: "set";
      readonly who: number;
      readonly doc: number;
      readonly key: number;
      readonly value: number;
    }
  | { readonly is: "sync" | "crash" | "killed before commit"; readonly who: number }
  | { readonly is: "lose question" | "lose answer"; readonly who: number };

const who = fc.nat({ max: 2 });
const doc = fc.nat({ max: DOCS.length - 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      is: fc.constant("type" as const),
      who,
      doc,
      at: fc.nat({ max: 20 }),
      text: fc.string({ minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      is: fc.constant("erase" as const),
      who,
      doc,
      at: fc.nat({ max: 20 }),
      length: fc.nat({ max: 5 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      is: fc.constant("set" as const),
      who,
      doc,
      key: fc.nat({ max: 2 }),
      value: fc.nat({ max: 9 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ is: fc.constant("sync" as const), who }) },
  {
    weight: 1,
    arbitrary: fc.record({
      is: fc.constantFrom("crash" as const, "killed before commit" as const),
      who,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      is: fc.constantFrom("lose question" as const, "lose answer" as const),
      who,
    }),
  },
);

/** How many bytes are worth a snapshot: none ever, or a few rows. */
const worth = fc.constantFrom(Infinity, 256 * 2);

async function perform(
  team: TestTeam,
  devices: readonly TestDevice[],
  { ...step }: Step,
): Promise<void> {
  const device = devices[step.who] as TestDevice;
  switch (step.is) {
    case "type":
    case "erase":
    case "set": {
      const id = DOCS[step.doc] as DocId;
      if (!device.store.has(id)) return;
      device.store.edit(id, (open) => change(open, step));
      return;
    }
    case "sync":
      expect((await device.once()).alarms).toEqual([]);
      return;
    case "crash":
      device.crash();
      return;
    case "killed before commit": {
      const { commit } = device.store;
      device.store.commit = async () => {
        throw new Error("killed");
      };
      await device.sync.once().catch(() => {});
      device.store.commit = commit;
      device.crash();
      return;
    }
    case "lose question":
    case "lose answer":
      team.server.failNext = step.is;
      await device.sync.once();
      team.server.failNext = null;
  }
}

function change(open: Y.Doc, step: Extract<Step, { doc: number }>): void {
  const text = open.getText("context");
  switch (step.is) {
    case "type":
      return text.insert(Math.min(step.at, text.length), step.text);
    case "erase":
      return text.delete(
        Math.min(step.at, text.length),
        Math.min(step.length, text.length - Math.min(step.at, text.length)),
      );
    case "set":
      open.getMap("map").set(`k${step.key}`, step.value);
  }
}

const contentOf = (device: TestDevice) =>
  DOCS.map((id) => {
    const open = device.store.open(id as DocId);
    return { text: open.getText("context").toString(), map: open.getMap("map").toJSON() };
  });

test("S19: after any schedule of edits, crashes, lost questions and answers, all converge, nothing is pending, nothing echoes", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 60 }),
      worth,
      async (steps, bytes) => {
        const team = new TestTeam();
        team.gatheredBytes = bytes;
        const devices = ["ada", "bob", "cyd"].map((name) => team.device(name));
        const [ada] = devices as [TestDevice];
        DOCS.forEach((id, i) =>
          ada.create(id, i === 2 ? "notes" : "decision", i === 1 ? PROJECT_STREAM : TEAM_STREAM),
        );
        for (const id of DOCS) ada.type(id as DocId, (text) => text.insert(0, "base"));
        for (const device of devices) await device.once();
        for (const next of steps) await perform(team, devices, next);

        for (let round = 0; round < 4; round++) for (const device of devices) await device.once();
        const stored = [...team.server.streams.values()].flatMap(({ rows }) => rows);
        const offered = team.server.offered.length;
        for (const device of devices) {
          expect(contentOf(device)).toEqual(contentOf(ada));
          expect(await device.store.pendingDocuments(TEAM)).toEqual([]);
          for (const id of DOCS) expect(device.store.pendingOf(id as DocId)).toBe(null);
          expect(await device.once()).toMatchObject({
            pushed: 0,
            pulled: 0,
            alarms: [],
            verified: true,
          });
          device.crash();
          expect(await device.once()).toMatchObject({ pushed: 0, pulled: 0, alarms: [] });
        }
        expect(team.server.offered.length).toBe(offered);
        expect(new Set(stored.map((row) => toHex(rowHash(row)))).size).toBe(stored.length);

        const late = team.device("late");
        await late.once();
        expect(contentOf(late)).toEqual(contentOf(ada));
        expect(await late.once()).toMatchObject({ pushed: 0 });
      },
    ),
    { numRuns: 30 },
  );
}, 60_000);
