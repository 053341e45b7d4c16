import { beforeEach, describe, expect, test } from "vitest";
import { toHex } from "../../src/base/bytes.ts";
import type { DocId } from "../../src/base/ids.ts";
import { unwrap } from "../../src/base/result.ts";
import { peekHeader } from "../../src/crypto/header.ts";
import { PART_BYTES } from "../../src/crypto/row.ts";
import { seededRandom } from "../crypto/samples.ts";
import { PROJECT_STREAM, TEAM, TEAM_STREAM, type TestDevice, TestTeam } from "./team.ts";

let team: TestTeam;
let ada: TestDevice;
let bob: TestDevice;
const rows = () => team.server.stream(TEAM_STREAM).rows;
const replicaOf = (row: Uint8Array) => unwrap(peekHeader(row)).replica;

/** Both hold "base". */
async function shared(): Promise<DocId> {
  const doc = ada.create("dec_1");
  ada.type(doc, (text) => text.insert(0, "base"));
  await ada.once();
  await bob.once();
  return doc;
}

beforeEach(() => {
  team = new TestTeam();
  ada = team.device("ada");
  bob = team.device("bob");
});

describe("S1", () => {
  test("S1: both edit one field offline; after both synced, both have both", async () => {
    const doc = await shared();
    ada.type(doc, (text) => text.insert(4, " A"));
    bob.type(doc, (text) => text.insert(0, "B "));
    ada.type(doc, (text) => text.insert(0, "one"), "outcome");
    bob.type(doc, (text) => text.insert(0, "two"), "drivers");
    for (const device of [ada, bob, ada]) await device.once();
    for (const device of [ada, bob]) {
      expect(device.text(doc)).toBe("B base A");
      expect(device.text(doc, "outcome")).toBe("one");
      expect(device.text(doc, "drivers")).toBe("two");
    }
  });

  test("S1: content of every clientID is sent: of a process that died before its push, too", async () => {
    const doc = await shared();
    ada.type(doc, (text) => text.insert(4, " typed before the crash"));
    ada.crash();
    ada.type(doc, (text) => text.insert(0, "after it: "));
    await ada.once();
    await bob.once();
    expect(bob.text(doc)).toBe("after it: base typed before the crash");
  });

  test("S1: what has landed is settled without another look at the document", async () => {
    const doc = await shared();
    let looks = 0;
    const { state } = ada.store;
    ada.store.state = async (id) => {
      looks++;
      return state.call(ada.store, id);
    };
    ada.type(doc, (text) => text.insert(0, "x"));
    await ada.once();
    expect(looks).toBe(1);
    expect(await ada.store.pendingDocuments(TEAM)).toEqual([]);
  });

  test("S1: a delete alone is sent", async () => {
    const doc = await shared();
    ada.type(doc, (text) => text.delete(0, 2));
    expect(await ada.once()).toMatchObject({ pushed: 1 });
    await bob.once();
    expect(bob.text(doc)).toBe("se");
  });

  test("S1: a report tells rows pushed and taken, the newest verified number, and that all is well", async () => {
    const doc = ada.create("dec_1");
    ada.type(doc, (text) => text.insert(0, "base"));
    expect(await ada.once()).toEqual({
      pushed: 1,
      pulled: 0,
      head: { [TEAM]: 1 },
      verified: true,
      alarms: [],
      notices: [],
    });
    expect(await bob.once()).toEqual({
      pushed: 0,
      pulled: 1,
      head: { [TEAM]: 1 },
      verified: true,
      alarms: [],
      notices: [],
    });
  });
});

describe("S2", () => {
  test("S2: a reader sends nothing, however often it syncs and restarts", async () => {
    const doc = await shared();
    for (let i = 0; i < 3; i++) {
      bob.crash();
      expect(await bob.once()).toMatchObject({ pushed: 0, alarms: [] });
    }
    expect(bob.store.pendingOf(doc)).toBe(null);
    expect(team.server.offered.length).toBe(1);
  });

  test("S2: what a flag calls pending is not sent when nothing is", async () => {
    const doc = await shared();
    bob.store.append(
      doc,
      ada.store.edit(doc, () => {}),
    );
    expect(await bob.once()).toMatchObject({ pushed: 0 });
    expect(await bob.store.pendingDocuments(TEAM)).toEqual([]);
  });
});

describe("S3", () => {
  test("S3: killed between push and answer: a new replica meets the row, and sends nothing twice", async () => {
    const doc = await shared();
    ada.type(doc, (text) => text.insert(4, "!"));
    team.server.failNext = "lose answer";
    expect((await ada.sync.once()).ok).toBe(false);
    ada.crash();
    expect(await ada.once()).toMatchObject({ pushed: 0, alarms: [] });
    expect(rows().length).toBe(2);
    ada.type(doc, (text) => text.insert(5, "?"));
    await ada.once();
    expect(replicaOf(rows()[2] as Uint8Array)).not.toBe(replicaOf(rows()[1] as Uint8Array));
    await bob.once();
    expect(bob.text(doc)).toBe("base!?");
    expect(ada.text(doc)).toBe("base!?");
  });

  test("S3: killed between edit and push, and between answer and commit", async () => {
    const doc = await shared();
    ada.type(doc, (text) => text.insert(4, "!"));
    const { commit } = ada.store;
    ada.store.commit = async () => {
      throw new Error("killed");
    };
    await expect(ada.sync.once()).rejects.toThrow("killed");
    ada.store.commit = commit;
    ada.crash();
    expect(await ada.once()).toMatchObject({ pushed: 0, alarms: [] });
    await bob.once();
    expect(rows().length).toBe(2);
    expect([ada.text(doc), bob.text(doc)]).toEqual(["base!", "base!"]);
  });
});

describe("S4", () => {
  test("S4: a retry in the same process sends the same bytes", async () => {
    const doc = await shared();
    ada.type(doc, (text) => text.insert(4, "!"));
    const sent: string[] = [];
    const push = ada.transport.push;
    ada.transport.push = async (stream, sealed) => {
      sent.push(...sealed.map(toHex));
      return push(stream, sealed);
    };
    team.server.failNext = "lose question";
    await ada.sync.once();
    ada.type(doc, (text) => text.insert(5, "?"));
    await ada.once();
    expect(sent[1]).toBe(sent[0]);
    expect(sent.length).toBe(3);
    await bob.once();
    expect(bob.text(doc)).toBe("base!?");
  });

  test("S4: a lost answer is found by the pull before the retry, and nothing is sent again", async () => {
    const doc = await shared();
    ada.type(doc, (text) => text.insert(4, "!"));
    team.server.failNext = "lose answer";
    const failed = await ada.sync.once();
    expect(failed.ok ? null : failed.fault.message).toContain("kept here");
    expect(await ada.once()).toMatchObject({ pushed: 1, pulled: 0, alarms: [] });
    expect(team.server.offered.length).toBe(2);
    expect(await ada.store.pendingDocuments(TEAM)).toEqual([]);
  });
});

describe("S5", () => {
  test("S5: own rows count as sent only where the verified history has them", async () => {
    const doc = await shared();
    bob.type(doc, (text) => text.insert(0, "B"));
    ada.type(doc, (text) => text.insert(4, "A"));
    const pull = ada.transport.pull;
    let raced = false;
    ada.transport.pull = async (...asked) => {
      const page = await pull(...asked);
      if (!raced) await bob.once();
      raced = true;
      return page;
    };
    expect(await ada.once()).toMatchObject({
      pushed: 1,
      pulled: 1,
      head: { [TEAM]: 3 },
      alarms: [],
    });
    expect(ada.text(doc)).toBe("BbaseA");
    expect(await ada.store.pendingDocuments(TEAM)).toEqual([]);
  });

  test("S5: a row that the server said it stored and then does not show is an alarm, and is sent again", async () => {
    const doc = await shared();
    const push = ada.transport.push;
    ada.transport.push = async (stream, sealed) => {
      ada.transport.push = push;
      const stored = await bob.transport.push(stream, []);
      return stored.ok
        ? { ok: true, value: sealed.map(() => ({ is: "known", n: 1 }) as const) }
        : stored;
    };
    ada.type(doc, (text) => text.insert(4, "!"));
    const report = await ada.once();
    expect(report.alarms).toEqual([
      expect.stringContaining("said it had stored a row of this device"),
    ]);
    expect(report.verified).toBe(false);
    expect(await ada.once()).toMatchObject({ pushed: 1, alarms: [] });
    await bob.once();
    expect(bob.text(doc)).toBe("base!");
  });

  test("S5: an answer whose running hash is another one is an alarm, and nothing counts as sent", async () => {
    const doc = await shared();
    const push = ada.transport.push;
    ada.transport.push = async (stream, sealed) => {
      const answers = unwrap(await push(stream, sealed));
      return { ok: true, value: answers.map((answer) => ({ ...answer, h: new Uint8Array(32) })) };
    };
    ada.type(doc, (text) => text.insert(4, "!"));
    expect((await ada.once()).alarms).toEqual([
      expect.stringContaining("not the one this device verified"),
    ]);
    expect(ada.store.pendingOf(doc)).not.toBe(null);
  });
});

describe("S6", () => {
  test("S6: a conflict makes a new replica, which pulls and sends what is still pending", async () => {
    const doc = await shared();
    const push = ada.transport.push;
    const replicas: string[] = [];
    ada.transport.push = async (stream, sealed) => {
      replicas.push(...sealed.map(replicaOf));
      return replicas.length === 1
        ? { ok: true, value: [{ is: "conflict" }] }
        : push(stream, sealed);
    };
    ada.type(doc, (text) => text.insert(4, "!"));
    expect(await ada.once()).toMatchObject({ pushed: 1, alarms: [] });
    expect(new Set(replicas).size).toBe(2);
    await bob.once();
    expect(bob.text(doc)).toBe("base!");
  });

  test("S6: a server that always says conflict gets a sentence, not a loop", async () => {
    const doc = await shared();
    ada.transport.push = async () => ({ ok: true, value: [{ is: "conflict" }] });
    ada.type(doc, (text) => text.insert(4, "!"));
    const refused = await ada.sync.once();
    expect(refused.ok ? null : refused.fault.type).toBe("conflict");
    expect(ada.store.pendingOf(doc)).not.toBe(null);
  });
});

describe("S7", () => {
  const noise = (sizeBytes: number) => toHex(seededRandom("large")(sizeBytes / 2));

  test("S7: a large update goes in parts and arrives whole", async () => {
    const doc = ada.create("dec_1");
    const long = noise(3 * PART_BYTES);
    ada.type(doc, (text) => text.insert(0, long));
    expect(await ada.once()).toMatchObject({ pushed: 4 });
    expect(await bob.once()).toMatchObject({ pulled: 4, alarms: [] });
    expect(bob.text(doc)).toBe(long);
    expect(await bob.once()).toMatchObject({ pushed: 0 });
  });

  test("S7: parts count only when complete, over pages and restarts", async () => {
    const doc = ada.create("dec_1");
    ada.type(doc, (text) => text.insert(0, noise(3 * PART_BYTES)));
    await ada.once();
    const whole = [...rows()];
    for (let have = 1; have <= whole.length; have++) {
      rows().splice(0, rows().length, ...whole.slice(0, have));
      bob.crash();
      expect(await bob.once()).toMatchObject({ pulled: 1, pushed: 0, alarms: [] });
      expect(bob.store.has(doc)).toBe(have === whole.length);
    }
    expect(bob.text(doc)).toBe(ada.text(doc));
  });

  test("S7: a writer that died between two parts leaves nothing behind; its heir sends the whole", async () => {
    const doc = ada.create("dec_1");
    ada.type(doc, (text) => text.insert(0, noise(3 * PART_BYTES)));
    const push = ada.transport.push;
    ada.transport.push = async (stream, sealed) => {
      await push(stream, sealed.slice(0, 2));
      throw new Error("killed");
    };
    await expect(ada.sync.once()).rejects.toThrow("killed");
    ada.transport.push = push;
    ada.crash();
    await ada.once();
    expect(await bob.once()).toMatchObject({ pulled: 6, alarms: [] });
    expect(bob.text(doc)).toBe(ada.text(doc));
    expect(rows().length).toBe(6);
  });
});

describe("S8", () => {
  test("S8: many documents go a few megabytes at a time, and all go", async () => {
    for (let i = 0; i < 60; i++) {
      const doc = ada.create(`dec_${i}`);
      ada.type(doc, (text) => text.insert(0, toHex(seededRandom(doc)(60_000))));
    }
    let pushes = 0;
    let largest = 0;
    const push = ada.transport.push;
    ada.transport.push = async (stream, sealed) => {
      pushes++;
      largest = Math.max(
        largest,
        sealed.reduce((sum, row) => sum + row.length, 0),
      );
      return push(stream, sealed);
    };
    expect(await ada.once()).toMatchObject({ pushed: 60, alarms: [] });
    expect(pushes).toBeGreaterThan(3);
    expect(largest).toBeLessThanOrEqual(1024 * 1024);
    expect(await ada.store.pendingDocuments(TEAM)).toEqual([]);
  });

  test("S2: a document whose known value never takes in what was sent is not sent for ever", async () => {
    const doc = await shared();
    const { commit } = ada.store;
    ada.store.commit = async (batch) => {
      const { known } = (await ada.store.document(doc)) as {
        known: (typeof batch.documents)[0]["known"];
      };
      return commit.call(ada.store, {
        ...batch,
        documents: batch.documents.map((held) => ({ ...held, known })),
      });
    };
    const { settle } = ada.store;
    ada.store.settle = async (id, rev) =>
      ada.store.pendingOf(id) ? false : settle.call(ada.store, id, rev);
    ada.type(doc, (text) => text.insert(0, "x"));
    expect((await ada.once()).pushed).toBe(4);
  });

  test("S8: several streams, each with its own head; what is new here is made from its rows", async () => {
    const [one, two] = [ada.create("dec_1"), ada.create("dec_2", "decision", PROJECT_STREAM)];
    const notes = ada.create("notes_1", "notes", PROJECT_STREAM);
    for (const doc of [one, two, notes]) ada.type(doc, (text) => text.insert(0, doc));
    await ada.once();
    const report = await bob.once();
    expect(report.head).toEqual({ [TEAM]: 1, [`${TEAM}/${PROJECT_STREAM.project}`]: 2 });
    expect(await bob.store.document(notes)).toMatchObject({
      kind: "notes",
      stream: PROJECT_STREAM,
      owner: ada.identity.id,
    });
    expect([one, two, notes].map((doc) => bob.text(doc))).toEqual([one, two, notes]);
  });

  test("S8: one commit a page and stream, then the windows are told", async () => {
    for (let i = 0; i < 20; i++) ada.type(ada.create(`dec_${i}`), (text) => text.insert(0, "x"));
    ada.type(ada.create("dec_p", "decision", PROJECT_STREAM), (text) => text.insert(0, "x"));
    await ada.once();
    await bob.once();
    expect(bob.store.commits).toBe(2);
    expect(bob.applied.length).toBe(21);
    expect(ada.applied.length).toBe(0);
  });

  test("S8: a page that inflates to many times its bytes is committed in steps", async () => {
    const COUNT = 160;
    for (let i = 0; i < COUNT; i++)
      ada.type(ada.create(`dec_${i}`), (text) => text.insert(0, "x".repeat(120_000)));
    // In parts, which count when they are joined.
    const large = ["dec_large", "dec_larger"].map((id) => ada.create(id));
    for (const doc of large) ada.type(doc, (text) => text.insert(0, "y".repeat(9_000_000)));
    while (ada.store.pendingOf("dec_larger" as DocId)) await ada.once();
    const page = rows().reduce((sum, row) => sum + row.length, 0);
    const commits: number[] = [];
    const { commit } = bob.store;
    bob.store.commit = (batch) => {
      const updates = batch.documents.flatMap((each) => each.updates);
      const parts = batch.chains.flatMap((chain) => chain.parts);
      commits.push([...updates, ...parts].reduce((sum, { length }) => sum + length, 0));
      return commit.call(bob.store, batch);
    };
    expect(await bob.once()).toMatchObject({ alarms: [] });
    expect(Math.max(...commits)).toBeLessThan(18 * 1024 * 1024);
    expect(commits.reduce((sum, each) => sum + each, 0)).toBeGreaterThan(20 * page);
    for (const doc of [...large, "dec_0" as DocId, "dec_159" as DocId])
      expect(bob.text(doc)).toBe(ada.text(doc));
  });

  test("S8: a document of no stream stays, and a sent one does not follow its name elsewhere", async () => {
    const own = ada.create("dec_private", "decision", null);
    ada.type(own, (text) => text.insert(0, "private"));
    expect(await ada.once()).toMatchObject({ pushed: 0 });
    const theirs = bob.create("dec_private");
    bob.type(theirs, (text) => text.insert(0, "a guess at its name"));
    await bob.once();
    const report = await ada.once();
    expect(report).toMatchObject({ pulled: 0, pushed: 0 });
    expect(report.alarms).toEqual([expect.stringContaining("not shared there")]);
    expect(ada.text(own)).toBe("private");
    expect(await ada.once()).toMatchObject({ alarms: [] });
  });

  test("S8: a document does not change its kind or its stream", async () => {
    const doc = await shared();
    const carol = team.device("carol");
    carol.create(doc, "notes");
    carol.store.edit(doc, (open) => open.getMap("n").set("a", 1));
    const dave = team.device("dave");
    dave.create(doc, "decision", PROJECT_STREAM);
    dave.type(doc, (text) => text.insert(0, "moved"));
    expect((await carol.once()).alarms).toEqual([expect.stringContaining("another kind")]);
    await dave.once();
    const { alarms } = await bob.once();
    expect(alarms.join()).toContain("another kind");
    expect(alarms.join()).toContain("not shared there");
    expect(bob.text(doc)).toBe("base");
  });
});

describe("S9", () => {
  test("S9: a trace belongs to the device that wrote it first; another one's rows are refused", async () => {
    const doc = ada.create("trace_1", "trace");
    ada.store.edit(doc, (open) => open.getMap("events").set("e1", { kind: "prompt" }));
    await ada.once();
    const carol = team.device("carol");
    carol.create(doc, "trace");
    carol.store.edit(doc, (open) => open.getMap("events").set("e2", { kind: "forged" }));
    const pull = carol.transport.pull;
    carol.transport.pull = async (...asked) => ({
      ok: true,
      value: { ...unwrap(await pull(...asked)), rows: [], heads: [] },
    });
    await carol.sync.once();
    expect(rows().length).toBe(2);
    for (const device of [ada, bob]) {
      const { alarms } = await device.once();
      expect(alarms).toEqual([expect.stringContaining("only by the device that recorded it")]);
      expect(device.store.open(doc).getMap("events").toJSON()).toEqual({ e1: { kind: "prompt" } });
    }
  });

  test("S9: a device does not send into another one's trace, and its owner goes on after a restart", async () => {
    const doc = ada.create("trace_1", "trace");
    ada.store.edit(doc, (open) => open.getMap("events").set("e1", 1));
    await ada.once();
    await bob.once();
    bob.store.edit(doc, (open) => open.getMap("events").set("e2", 2));
    expect(await bob.once()).toMatchObject({ pushed: 0 });
    expect(await bob.store.pendingDocuments(TEAM)).toEqual([]);
    ada.crash();
    ada.store.edit(doc, (open) => open.getMap("events").set("e3", 3));
    await ada.once();
    expect(await bob.once()).toMatchObject({ pulled: 1, alarms: [] });
  });
});

describe("S10", () => {
  test("S10: without a connection: a sentence, nothing lost, and it goes on later", async () => {
    const doc = ada.create("dec_1");
    ada.type(doc, (text) => text.insert(0, "base"));
    const { pull } = ada.transport;
    ada.transport.pull = async () => ({
      ok: false,
      fault: { type: "offline", message: "There is no connection." },
    });
    const failed = await ada.sync.once();
    expect(failed).toEqual({
      ok: false,
      fault: { type: "offline", message: "There is no connection." },
    });
    expect(ada.states.at(-1)).toMatchObject({
      state: "offline",
      waiting: 1,
      reason: "There is no connection.",
    });
    ada.transport.pull = pull;
    expect(await ada.once()).toMatchObject({ pushed: 1 });
    expect(ada.states.at(-1)).toMatchObject({ state: "verified", waiting: 0 });
  });

  test("S10: answers that make no sense are a sentence, not a crash or a loop", async () => {
    const doc = await shared();
    ada.type(doc, (text) => text.insert(4, "!"));
    const { pull, push } = ada.transport;
    const faultOf = async () => {
      const result = await ada.sync.once();
      return result.ok ? null : result.fault.type;
    };
    ada.transport.push = async () => ({ ok: true, value: [] });
    expect(await faultOf()).toBe("nonsense");
    ada.transport.push = async (stream, sealed) => {
      const answers = unwrap(await push(stream, sealed));
      return { ok: true, value: [...answers, ...answers] };
    };
    expect(await faultOf()).toBe("nonsense");
    ada.transport.push = push;
    ada.transport.pull = async (...asked) => ({
      ok: true,
      value: { ...unwrap(await pull(...asked)), more: true },
    });
    expect(await faultOf()).toBe("nonsense");
    const elsewhere = { team: "team_other" as typeof TEAM, project: null };
    ada.transport.pull = async () => ({
      ok: true,
      value: {
        rows: [{ stream: elsewhere, n: 1, row: rows()[0] as (typeof team.server.offered)[0] }],
        more: false,
        heads: [],
        listed: team.server.log.entries.length,
      },
    });
    expect(await faultOf()).toBe("nonsense");
    ada.transport.pull = pull;
    expect(await ada.once()).toMatchObject({ alarms: [] });
    await bob.once();
    expect(bob.text(doc)).toBe("base!");
  });
});
