/** What every reader must do, whatever its agent. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { placeInside } from "../../src/capture/database.ts";
import { createFindings } from "../../src/capture/findings.ts";
import type { JsonObject } from "../../src/capture/json.ts";
import { lineRanges } from "../../src/capture/lines.ts";
import type { Disk, Identity, Reader } from "../../src/capture/reader.ts";
import { linesOf, parseLine } from "../../src/capture/sources.ts";
import { Ledger } from "./ledger.ts";

export interface Sample {
  /** As it lies below a root. */
  readonly path: string;
  readonly text: string;
  /** Lies nowhere by itself: a person names it. */
  readonly named?: boolean;
}

const NO_DISK: Disk = { exists: async () => false, head: async () => null };
const CONTEXT = { replayed: new Set<string>(), title: null };

export function readerContract(reader: Reader, samples: readonly Sample[]): void {
  describe(`the ${reader.agent} reader`, () => {
    test("has samples", () => expect(samples.length).toBeGreaterThan(0));

    test("looks below the home, and nowhere else without being told to", () => {
      for (const root of reader.roots("/somewhere", {}))
        expect(root.startsWith("/somewhere/")).toBe(true);
    });

    test("knows its transcripts by place and by content", async () => {
      for (const { path, text, named = false } of samples) {
        const { database } = placeInside(path) ?? { database: null };
        const isPlaced =
          database === null ? reader.isTranscript(path) : reader.database?.isDatabase(database);
        expect(isPlaced, path).toBe(!named);
        const head = await records(reader, path, text);
        expect(reader.recognises(head.slice(0, 8)), path).toBe(true);
      }
      expect(reader.isTranscript("notes.txt")).toBe(false);
      expect(reader.recognises([])).toBe(false);
      expect(reader.recognises([{ hello: "world" }])).toBe(false);
    });

    test("says who a file belongs to, the same each time", async () => {
      for (const { path, text } of samples) {
        const first = await identify(reader, path, text);
        expect(first.sourceId).not.toBe("");
        expect(await identify(reader, path, text)).toEqual(first);
      }
    });

    test("stopped after any line and gone on from its state, finds the same", async () => {
      for (const { path, text } of samples) {
        const identity = await identify(reader, path, text);
        const lines = await records(reader, path, text);
        const whole = read(reader, identity, [lines]);
        for (let cut = 1; cut < lines.length; cut++) {
          expect(read(reader, identity, [lines.slice(0, cut), lines.slice(cut)])).toEqual(whole);
        }
        expect(
          read(
            reader,
            identity,
            lines.map((line) => [line]),
          ),
        ).toEqual(whole);
      }
    });

    test("gives ids that differ, and orders that rise in each lane", async () => {
      for (const { path, text } of samples) {
        const reading = reader.open(await identify(reader, path, text), null, CONTEXT);
        const found = createFindings();
        const lines = await records(reader, path, text);
        lines.forEach((record, i) => reading.line(record, i + 1, found));
        const { events } = found.take();
        expect(new Set(events.map((event) => event.id)).size).toBe(events.length);
        for (const lane of new Set(events.map((event) => event.lane))) {
          const orders = events.filter((event) => event.lane === lane).map((event) => event.order);
          expect(new Set(orders).size).toBe(orders.length);
        }
      }
    });

    test("throws at no line, whatever stands in it", async () => {
      const identity = await identify(reader, samples[0]?.path ?? "", samples[0]?.text ?? "");
      const read = samples.map(({ path, text }) => records(reader, path, text));
      const seeds = (await Promise.all(read)).flat();
      fc.assert(
        fc.property(fc.array(mangled(seeds), { maxLength: 12 }), (lines) => {
          const reading = reader.open(identity, null, CONTEXT);
          const found = createFindings();
          lines.forEach((line, i) => reading.line(line, i + 1, found));
          const taken = found.take();
          expect(JSON.parse(JSON.stringify(reading.state()))).toEqual(reading.state());
          for (const call of taken.calls) expect(call.tokens.input).toBeGreaterThanOrEqual(0);
        }),
        { numRuns: 300 },
      );
    });
  });
}

async function records(reader: Reader, path: string, text: string): Promise<JsonObject[]> {
  async function* blocks() {
    yield Buffer.from(text);
  }
  const format = reader.format(path);
  const read: JsonObject[] = [];
  for await (const block of linesOf(blocks(), format))
    for (const [start, end] of lineRanges(block)) {
      const record = parseLine(block, start, end, format);
      if (record !== null) read.push(record);
    }
  return read;
}

async function identify(reader: Reader, path: string, text: string): Promise<Identity> {
  const head = await records(reader, path, text);
  return reader.identify(`/root/${path}`, head.slice(0, 8), NO_DISK);
}

/** Reads runs of lines, each by a new reader from the state of the one before, as a store would put them together. */
function read(
  reader: Reader,
  identity: Identity,
  runs: readonly (readonly JsonObject[])[],
): unknown {
  const ledger = new Ledger();
  let state: unknown = null;
  let number = 0;
  for (const run of runs) {
    const reading = reader.open(identity, state, CONTEXT);
    const found = createFindings();
    for (const record of run) reading.line(record, ++number, found);
    state = JSON.parse(JSON.stringify(reading.state()));
    ledger.apply({
      ref: { id: "ses_x" as never, agent: reader.agent, sourceId: identity.sourceId },
      ...found.take(),
      file: { path: "x", reader: state } as never,
      restart: false,
      bytesRead: 0,
    });
  }
  return { content: ledger.content(), state };
}

/** A real record in which one value, at any depth, is something else. */
function mangled(seeds: readonly JsonObject[]): fc.Arbitrary<JsonObject> {
  return fc
    .tuple(
      fc.constantFrom(...seeds),
      fc.array(fc.nat(), { minLength: 1, maxLength: 6 }),
      fc.jsonValue(),
    )
    .map(([seed, way, value]) => replaceAt(structuredClone(seed), way, value) as JsonObject);
}

function replaceAt(target: unknown, [step, ...rest]: readonly number[], value: unknown): unknown {
  if (typeof target !== "object" || target === null) return value;
  const keys = Object.keys(target);
  const key = keys[(step ?? 0) % Math.max(1, keys.length)];
  if (key === undefined) return target;
  const holder = target as Record<string, unknown>;
  holder[key] = rest.length === 0 ? value : replaceAt(holder[key], rest, value);
  return target;
}
