import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toAgentTrace } from "../../../src/app/export/agent-trace.ts";
import type { ExportedSession } from "../../../src/app/export/session.ts";
import { applyPatch, placed, type WrittenLine } from "../../../src/app/export/written.ts";
import type { FilePatch } from "../../../src/base/session.ts";
import { expectAgentTrace } from "./agent-trace-rules.ts";
import { event, SAMPLE, SESSION } from "./sample.ts";

const ROOT = "/home/mira/work/tally";

interface Read {
  readonly timestamp: string;
  readonly tool: object;
  readonly files: readonly {
    readonly path: string;
    readonly conversations: readonly {
      readonly contributor: object;
      readonly ranges: readonly { readonly start_line: number; readonly end_line: number }[];
    }[];
  }[];
}

function read(exported: ExportedSession): Read {
  const record: unknown = JSON.parse(toAgentTrace(exported, 0));
  expectAgentTrace(record);
  return record as Read;
}

/** A session of these edits, one event each. */
function edits(...patches: readonly FilePatch[]): ExportedSession {
  const events = patches.map((_, i) =>
    event(`e${i}`, i, { model: i % 2 === 0 ? "claude-x" : "gpt-y", status: "ok" }),
  );
  const bodies = Object.fromEntries(
    patches.map((patch, i) => [`evt_e${i}`, [{ name: "patch", body: JSON.stringify([patch]) }]]),
  ) as ExportedSession["bodies"];
  return { session: SESSION, events, bodies };
}

function patch(
  change: FilePatch["change"],
  hunks: readonly (readonly [number, number, ...string[]])[],
  path = `${ROOT}/a.ts`,
): FilePatch {
  return {
    path,
    change,
    hunks: hunks.map(([oldStart, newStart, ...lines]) => ({ oldStart, newStart, lines })),
  };
}

const ranges = (record: Read) =>
  record.files.map(({ path, conversations }) => [
    path,
    conversations.map((conversation) =>
      conversation.ranges.map(({ start_line, end_line }) => [start_line, end_line]),
    ),
  ]);

describe("a record", () => {
  test("names the lines that were added, their model and what they read", () => {
    const record = read(SAMPLE);
    expect(record.files).toEqual([
      {
        path: "src/sum.ts",
        conversations: [
          {
            contributor: { type: "ai", model_id: "anthropic/claude-sonnet-4-5" },
            ranges: [
              { start_line: 4, end_line: 5, content_hash: `sha256:${hash("c\nd")}` },
              { start_line: 22, end_line: 22, content_hash: `sha256:${hash("y")}` },
            ],
          },
        ],
      },
    ]);
    expect(record.timestamp).toBe("2026-05-04T10:01:00.000Z");
    expect(record.tool).toEqual({ name: "claude-code", version: "2.1.100" });
    expect(toAgentTrace(SAMPLE, 0)).toBe(toAgentTrace(SAMPLE, 1));
  });

  test("follows lines through later edits, and lets those go that were taken away", () => {
    const record = read(
      edits(
        patch("add", [[1, 1, "+a", "+b", "+c"]]),
        patch("update", [
          [1, 1, "+new", " a", "-b"],
          [3, 3, " c"],
        ]),
      ),
    );
    expect(ranges(record)).toEqual([["a.ts", [[[1, 1]], [[2, 3]]]]]);
  });

  test("finds a place that was not recorded by what was written there, and else claims no line", () => {
    const add = patch("add", [[1, 1, "+a", "+b", "+c"]]);
    expect(ranges(read(edits(add, patch("update", [[1, 1, "-b", "+x", "+y"]]))))).toEqual([
      [
        "a.ts",
        [
          [
            [1, 1],
            [4, 4],
          ],
          [[2, 3]],
        ],
      ],
    ]);
    expect(ranges(read(edits(add, patch("update", [[1, 1, "-q", "+x"]]))))).toEqual([
      ["a.ts", [[]]],
    ]);
  });

  test("has no file that lies outside of the project, was deleted, or was only to be edited", () => {
    const there = patch("add", [[1, 1, "+a"]]);
    expect(
      read(
        edits(
          patch("add", [[1, 1, "+a"]], "/etc/passwd"),
          patch("add", [[1, 1, "+a"]], `${ROOT}/../other/a.ts`),
          there,
          patch("delete", [[1, 1, "-a"]]),
        ),
      ).files,
    ).toEqual([]);
    const { session, events, bodies } = edits(there);
    for (const more of [{ status: "rejected" }, { status: "error" }, { rolledBack: true }] as const)
      expect(
        read({ session, bodies, events: events.map((e) => ({ ...e, ...more })) }).files,
      ).toEqual([]);
  });

  test("of a session that says little is valid, whatever its patches hold", () => {
    const bare = {
      ...SESSION,
      project: null,
      startedAt: null,
      endedAt: null,
      agentVersion: null,
      gitBranch: null,
    };
    expect(read({ session: bare, events: [], bodies: {} }).files).toEqual([]);
    const odd = fc.anything({ values: [fc.constantFrom("a.ts", "+x", "update", 1, 0, -1, 1.5)] });
    const hunk = fc.record({
      oldStart: fc.integer(),
      newStart: fc.integer(),
      lines: fc.array(odd),
    });
    const patches = fc.array(
      fc.oneof(odd, fc.record({ path: fc.string(), change: odd, hunks: fc.array(hunk) })),
    );
    fc.assert(
      fc.property(patches, (body) => {
        const events = [event("a", 0, { model: "m".repeat(400) })];
        read({
          session: bare,
          events,
          bodies: { evt_a: [{ name: "patch", body: JSON.stringify(body) ?? "" }] },
        });
      }),
    );
  });
});

test("lines are where a file that was edited in the same way has them", () => {
  const text = fc.string({ minLength: 1, maxLength: 2, unit: fc.constantFrom("a", "b", "c") });
  const edit = fc.record({
    at: fc.nat(20),
    gone: fc.nat(3),
    come: fc.array(text, { maxLength: 3 }),
  });
  fc.assert(
    fc.property(fc.array(text), fc.array(edit, { maxLength: 6 }), (before, list) => {
      const file: { text: string; ours: boolean }[] = before.map((line) => ({
        text: line,
        ours: false,
      }));
      let held: readonly WrittenLine[] = [];
      for (const { at, gone, come } of list) {
        const from = Math.min(at, file.length);
        const head = file.slice(Math.max(0, from - 2), from);
        const out = file.slice(from, from + gone);
        const tail = file.slice(from + gone, from + gone + 2);
        const start = from - head.length + 1;
        const lines = [
          ...head.map((line) => ` ${line.text}`),
          ...out.map((line) => `-${line.text}`),
          ...come.map((line) => `+${line}`),
          ...tail.map((line) => ` ${line.text}`),
        ];
        const change = patch("update", [[start, start, ...lines]]);
        held = applyPatch(held, change, null);
        file.splice(from, gone, ...come.map((line) => ({ text: line, ours: true })));
      }
      expect(held.map(({ number, text: line }) => [number, line])).toEqual(
        file.flatMap((line, i) => (line.ours ? [[i + 1, line.text]] : [])),
      );
    }),
  );
  expect(placed([], patch("update", [[1, 1, "+only"]]))).toBeNull();
});

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
