/**
 * What every transport, with the server behind it, owes sync. Each implementation runs this suite with two devices of one
 * team and a stream both can write: `transportContract("relay", open)`.
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Bytes, concatBytes, toHex, utf8 } from "../../src/base/bytes.ts";
import type { DocId, TeamId } from "../../src/base/ids.ts";
import { systemRandom } from "../../src/base/random.ts";
import { unwrap } from "../../src/base/result.ts";
import { openStretched } from "../../src/crypto/key-record.ts";
import { replay } from "../../src/crypto/log/history.ts";
import type { DeviceIdentity } from "../../src/crypto/device.ts";
import { KIND_ATTEST, KIND_SNAPSHOT } from "../../src/crypto/header.ts";
import { rowHash } from "../../src/crypto/row.ts";
import type { TeamKeys } from "../../src/crypto/team.ts";
import type { StreamRef } from "../../src/sync/ports.ts";
import {
  sealMark,
  sealPresence,
  type SealedRow,
  sealUpdate,
  type Tail,
} from "../../src/sync/seal.ts";
import { advance, START, streamKey } from "../../src/sync/streams.ts";
import type {
  Asked,
  Heard,
  Page,
  PushAnswer,
  Sealed,
  Signal,
  StreamCursor,
  Transport,
} from "../../src/sync/transport.ts";

export interface TransportUnderTest {
  readonly keys: TeamKeys;
  /** In the team's log. */
  readonly devices: readonly [DeviceIdentity, DeviceIdentity];
  readonly transports: readonly [Transport, Transport];
  /** Empty when the test begins. */
  readonly streams: readonly [StreamRef, StreamRef];
  close(): Promise<void>;
}

const DOC = "dec_01KABCDEFGHJKMNPQRSTVWXYZ1" as DocId;

export function transportContract(name: string, open: () => Promise<TransportUnderTest>): void {
  describe(`transport: ${name}`, () => {
    let given: TransportUnderTest;
    beforeEach(async () => {
      given = await open();
    });
    afterEach(() => given.close());

    const team = (): TeamId => given.keys.team;
    const row = (
      who: 0 | 1,
      stream: StreamRef,
      tail: Tail | null = null,
      text = "change",
      replica = "ab".repeat(16),
    ) => {
      const author = { keys: given.keys, device: given.devices[who], replica };
      return sealUpdate(
        author,
        { doc: DOC, kind: "decision", stream },
        utf8(text),
        tail,
        START,
        systemRandom,
      )[0] as SealedRow;
    };
    const presence = (who: 0 | 1, stream: StreamRef) => {
      const author = { keys: given.keys, device: given.devices[who], replica: "ab".repeat(16) };
      const said = { counter: 1, leaves: false, document: "cd".repeat(16), digest: null };
      const place = { challenge: "ef".repeat(8), field: null, caret: null, heard: [] };
      return sealPresence(author, stream, { ...said, ...place }, systemRandom);
    };
    const run = (who: 0 | 1, stream: StreamRef, count: number) => {
      const rows: SealedRow[] = [];
      for (let i = 0; i < count; i++) {
        const last = rows.at(-1);
        rows.push(row(who, stream, last ? { seq: i, hash: last.hash } : null, `change ${i}`));
      }
      return rows;
    };
    const pull = async (
      who: 0 | 1,
      cursors: readonly StreamCursor[] = [],
      limit = 100,
    ): Promise<Page> => unwrap(await given.transports[who].pull(team(), cursors, limit));
    const rowsOf = (page: Page, stream: StreamRef): readonly Bytes[] =>
      page.rows
        .filter((pulled) => streamKey(pulled.stream) === streamKey(stream))
        .map((pulled) => pulled.row);

    test("T1: pushed rows are numbered from 1, and pulled by everybody as they were, with the running hash", async () => {
      const [stream] = given.streams;
      const rows = run(0, stream, 3);
      const places = [START];
      for (const { row: bytes } of rows)
        places.push(advance(places.at(-1) ?? START, rowHash(bytes)));
      const answers = unwrap(
        await given.transports[0].push(
          stream,
          rows.map((sealed) => sealed.row),
        ),
      );
      expect(answers).toEqual(places.slice(1).map((place) => ({ is: "stored", ...place })));
      for (const who of [0, 1] as const) {
        const page = await pull(who);
        expect(page.rows).toEqual(rows.map((sealed, i) => ({ stream, n: i + 1, row: sealed.row })));
        expect(page.more).toBe(false);
        expect(page.heads).toContainEqual({ stream, cursor: places.at(-1) });
      }
    });

    test("T2: the same bytes again are answered with their old number, and stored once", async () => {
      const [stream] = given.streams;
      const rows = run(0, stream, 2).map((sealed) => sealed.row);
      await given.transports[0].push(stream, rows);
      expect(unwrap(await given.transports[0].push(stream, rows))).toEqual([
        { is: "known", n: 1 },
        { is: "known", n: 2 },
      ]);
      expect((await pull(1)).rows.length).toBe(2);
    });

    test("T3: other bytes for a taken place of a chain are a conflict, and nothing behind it is stored", async () => {
      const [stream] = given.streams;
      const [first, second, third] = run(0, stream, 3) as [SealedRow, SealedRow, SealedRow];
      await given.transports[0].push(stream, [first.row, second.row]);
      const other = row(0, stream, { seq: 1, hash: first.hash }, "something else");
      const answers = unwrap(
        await given.transports[0].push(stream, [first.row, other.row, third.row]),
      );
      expect(answers).toEqual([{ is: "known", n: 1 }, { is: "conflict" }]);
      expect((await pull(1)).rows.length).toBe(2);
    });

    test("T4: a page holds at most what was asked for, and says that there is more", async () => {
      const [stream] = given.streams;
      const rows = run(0, stream, 5);
      await given.transports[0].push(
        stream,
        rows.map((sealed) => sealed.row),
      );
      let cursor = START;
      const seen: Bytes[] = [];
      for (let more = true; more;) {
        const page = await pull(1, [{ stream, cursor }], 2);
        expect(page.rows.length).toBeLessThanOrEqual(2);
        for (const pulled of page.rows) {
          expect(pulled.n).toBe(cursor.n + 1);
          cursor = advance(cursor, rowHash(pulled.row));
          seen.push(pulled.row);
        }
        more = page.more;
      }
      expect(seen).toEqual(rows.map((sealed) => sealed.row));
      expect((await pull(1, [{ stream, cursor }])).rows).toEqual([]);
    });

    test("T5: streams are counted apart; one that is not named is read from its start", async () => {
      const [one, two] = given.streams;
      await given.transports[0].push(
        one,
        run(0, one, 2).map((sealed) => sealed.row),
      );
      const answers = unwrap(
        await given.transports[1].push(
          two,
          run(1, two, 1).map((sealed) => sealed.row),
        ),
      );
      expect(answers).toMatchObject([{ is: "stored", n: 1 }]);
      const head = (await pull(0)).heads.find(({ stream }) => streamKey(stream) === streamKey(one));
      const page = await pull(0, [head as StreamCursor]);
      expect(rowsOf(page, one)).toEqual([]);
      expect(rowsOf(page, two).length).toBe(1);
    });

    test("T6: the log is read from any place, a page says how long it is, and so does a pull", async () => {
      const { entries, listed } = unwrap(await given.transports[1].readLog(team(), 0));
      expect(listed).toBe(entries.length);
      const { state, leftOut } = unwrap(replay(team(), entries, null));
      expect(leftOut).toEqual([]);
      for (const device of given.devices)
        expect(state.devices.get(device.id)?.signKey).toEqual(device.signKey);
      const rest = unwrap(await given.transports[0].readLog(team(), 2));
      expect(rest).toEqual({ entries: entries.slice(2), listed });
      expect((await pull(1)).listed).toBe(listed);
    });

    test("T9: what stands beside the newest epoch is given to those it is for", async () => {
      const { entries } = unwrap(await given.transports[0].readLog(team(), 0));
      const { state } = unwrap(replay(team(), entries, null));
      const founder = [...state.devices.keys()][0] as string;
      const [first] = unwrap(await given.transports[0].epochs(team(), founder));
      expect(first?.entry).toEqual(state.epochs[0]?.entry);
      expect(first?.record).toBe(null);
      expect(openStretched(first?.keyRecord ?? utf8(""), given.keys).ok).toBe(true);
      expect(first?.box).not.toBe(null);
      const [others] = unwrap(await given.transports[0].epochs(team(), "0".repeat(32)));
      expect(others).toEqual({ ...first, box: null });
    });

    test("T10: who appends to a shorter log than there is is told so, and nothing is taken", async () => {
      const before = unwrap(await given.transports[0].readLog(team(), 0));
      const entry = before.entries[0] as Bytes;
      const appended = await given.transports[0].appendLog(team(), 1, [{ entry }]);
      expect(appended).toMatchObject({ ok: false, fault: { type: "log-moved" } });
      expect(unwrap(await given.transports[0].readLog(team(), 0))).toEqual(before);
    });

    /** Rows 1 to 3 of device 0, and a snapshot of them: two rows, 4 and 5. */
    const snapshotOf = async (stream: StreamRef) => {
      const rows = run(0, stream, 3).map((sealed) => sealed.row);
      await given.transports[0].push(stream, rows);
      const noise = [65536, 65536, 1].map((sizeBytes) => systemRandom(sizeBytes));
      const body = concatBytes(...noise);
      const made = markOf(0, stream, { kind: KIND_SNAPSHOT, n: 3 }, body);
      const answers = unwrap(await given.transports[0].push(stream, made));
      expect(answers).toMatchObject([{ n: 4 }, { n: 5 }]);
      return { rows, made };
    };
    const markOf = (
      who: 0 | 1,
      stream: StreamRef,
      of: { readonly kind: number; readonly n: number },
      body: Bytes,
    ) => {
      const replica = toHex(systemRandom(16));
      const author = { keys: given.keys, device: given.devices[who], replica };
      return sealMark(author, stream, of, body, START, systemRandom);
    };

    test("T11: a snapshot is listed with what was said of it, and its rows are given in pages", async () => {
      const [stream] = given.streams;
      const { rows, made } = await snapshotOf(stream);
      const [said] = markOf(1, stream, { kind: KIND_ATTEST, n: 5 }, utf8("said")) as [Sealed];
      await given.transports[1].push(stream, [said]);
      const sizeOf = (all: readonly Bytes[]) => all.reduce((sum, one) => sum + one.length, 0);
      expect(unwrap(await given.transports[1].snapshots(stream))).toEqual({
        changesBytes: sizeOf(rows),
        snapshots: [
          expect.objectContaining({
            last: 5,
            bytes: sizeOf(made),
            behindBytes: 0,
            days: 0,
            othersActive: true,
            dropped: false,
            words: [{ n: 6, row: said }],
          }),
        ],
      });
      const page = async (after: number) =>
        unwrap(await given.transports[1].snapshotRows(stream, 5, after)).rows;
      expect(await page(0)).toEqual(made.map((one, i) => ({ n: 4 + i, row: one })));
      expect(await page(4)).toEqual([{ n: 5, row: made[1] }]);
    });

    test("T11: many that one device made hide none that stands, and of each device the newest two are listed", async () => {
      const [stream] = given.streams;
      await snapshotOf(stream);
      const made = async (who: 0 | 1) => {
        const rows = markOf(who, stream, { kind: KIND_SNAPSHOT, n: 3 }, utf8("nothing"));
        return numberIn(unwrap(await given.transports[who].push(stream, rows)));
      };
      const numberIn = ([answer]: readonly PushAnswer[]) =>
        answer?.is === "stored" ? answer.n : 0;
      const attest = (n: number) =>
        given.transports[1].push(stream, markOf(1, stream, { kind: KIND_ATTEST, n }, utf8("said")));
      await attest(5);
      unwrap(await given.transports[0].compact(stream, 5));
      const standing = await made(0);
      await attest(standing);
      const other = await made(1);
      const many: number[] = [];
      for (let i = 0; i < 9; i++) many.push(await made(0));
      const { snapshots } = unwrap(await given.transports[1].snapshots(stream));
      const wanted = [...many.slice(-2).toReversed(), other, standing, 5];
      expect(snapshots.map(({ last }) => last)).toEqual(wanted);
    });

    test("T12: bodies go when another device attested, not before; then rows come by their hashes", async () => {
      const [stream] = given.streams;
      const { rows, made } = await snapshotOf(stream);
      expect((await given.transports[0].compact(stream, 5)).ok).toBe(false);
      const [said] = markOf(1, stream, { kind: KIND_ATTEST, n: 5 }, utf8("said")) as [Sealed];
      await given.transports[1].push(stream, [said]);
      unwrap(await given.transports[0].compact(stream, 5));
      const page = await pull(1);
      const dropped = rows.map((one, i) => ({ stream, n: i + 1, hash: rowHash(one) }));
      expect(page.dropped).toEqual(dropped);
      expect(rowsOf(page, stream)).toEqual([...made, said]);
      const places = [...rows, ...made, said].reduce((at, one) => advance(at, rowHash(one)), START);
      expect(page.heads).toContainEqual({ stream, cursor: places });
    });

    test("T13: rows of snapshots that are held are not brought, all others are", async () => {
      const [stream] = given.streams;
      const { rows, made } = await snapshotOf(stream);
      const asked: Asked = { stream, cursor: { n: 2, h: START.h }, held: 4 };
      const page = unwrap(await given.transports[1].pull(team(), [asked], 100));
      expect(rowsOf(page, stream)).toEqual([rows[2], made[1]]);
      expect(page.dropped).toEqual([{ stream, n: 4, hash: rowHash(made[0] as Bytes) }]);
    });

    test("T14: a chain that a snapshot covers takes no more rows", async () => {
      const [stream] = given.streams;
      const { rows } = await snapshotOf(stream);
      const again = unwrap(await given.transports[0].push(stream, [rows[2] as Sealed]));
      expect(again).toEqual([{ is: "known", n: 3 }]);
      const tail = { seq: 3, hash: rowHash(rows[2] as Bytes) };
      const next = row(0, stream, tail, "after").row;
      expect(unwrap(await given.transports[0].push(stream, [next]))).toEqual([{ is: "conflict" }]);
      const fresh = row(0, stream, null, "after", "cd".repeat(16)).row;
      expect(unwrap(await given.transports[0].push(stream, [fresh]))).toMatchObject([{ n: 6 }]);
    });

    test("T7: a listener is told when it hears everything, and then of every new row", async () => {
      const [stream] = given.streams;
      const heard: Signal[] = [];
      let told = () => {};
      const hears = async (what: (signal: Signal) => boolean) => {
        while (!heard.some(what)) await new Promise<void>((resolve) => (told = resolve));
      };
      const stop = given.transports[1].listen(team(), given.keys.epoch, (signal) => {
        heard.push(signal);
        told();
      });
      await hears((signal) => signal.is === "ready");
      await given.transports[0].push(
        stream,
        run(0, stream, 1).map((sealed) => sealed.row),
      );
      await hears(
        (signal) =>
          signal.is === "poke" && signal.n === 1 && streamKey(signal.stream) === streamKey(stream),
      );
      expect(heard[0]).toEqual({ is: "ready" });
      stop();
    });

    test("T8: what is sent on a stream's channel reaches the others in it, under the same tag only", async () => {
      const [stream, other] = given.streams;
      const [ada, bob] = given.transports;
      const tag = "a".repeat(32);
      const heard = { bob: [] as Heard[], elsewhere: [] as Heard[], self: [] as Heard[] };
      let told = () => {};
      const hears = (list: Heard[]) => (said: Heard) => {
        if (said.is === "ready") return;
        list.push(said);
        told();
      };
      const looks = [
        bob.look(stream, tag, hears(heard.bob)),
        bob.look(stream, "b".repeat(32), hears(heard.elsewhere)),
        bob.look(other, tag, hears(heard.elsewhere)),
      ];
      const mine = ada.look(stream, tag, hears(heard.self));
      // Sent until it is heard: a place on a channel takes a moment, and what is sent before is lost.
      const { row: bytes } = row(0, stream);
      for (const [is, what] of [
        ["row", bytes],
        ["presence", presence(0, stream)],
      ] as const) {
        const timer = setInterval(() => mine.send(is, what), 10);
        while (heard.bob.at(-1)?.is !== is) await new Promise<void>((resolve) => (told = resolve));
        clearInterval(timer);
        expect(heard.bob.at(-1)).toEqual({ is, bytes: what });
      }
      expect(heard).toMatchObject({ elsewhere: [], self: [] });
      for (const look of [...looks, mine]) look.close();
    });
  });
}
