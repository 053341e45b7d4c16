import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toMadr } from "../../../src/app/export/madr.ts";
import { readMadr, type MadrDecision } from "../../../src/app/export/madr-read.ts";
import {
  DECISION_ORIGINS,
  DECISION_STATUSES,
  type DecisionRecord,
} from "../../../src/crdt/decision.ts";

/** What looks like the form of the file it stands in. */
const TRICKY = [
  "# A heading",
  "## Decision Outcome",
  "### Confirmation",
  "### More Information",
  "   ## Links",
  "\\## Escaped before",
  "#### Deeper",
  "---",
  "status: rejected",
  "```ts",
  "```",
  "~~~~",
  "    ```",
  "\\",
  "\\\\  ",
  "",
  " ",
  "\t",
  "- an item",
  "* an item",
  "  of two lines",
  "* Good, because it looks so",
  "* Bad, because ",
  'Chosen option: "A", because',
  "Chosen option of none",
  "<!-- a comment -->",
  "&#13;",
  "&amp;#10; &lt;",
  "a\rb",
  "\r",
  "a\u2028b\u0085c",
  '"quoted"',
  "ends with #",
  "[a](b) **c** \u{1f9ed} 北京 e\u0301",
  "\u0000\u0007",
];
const line = fc.oneof(fc.constantFrom(...TRICKY), fc.string({ unit: "binary", maxLength: 12 }));
const prose = fc.array(line, { maxLength: 8 }).map((lines) => lines.join("\n"));
const words = fc.array(line, { minLength: 1, maxLength: 2 }).map((lines) => lines.join("\n"));
const item = fc
  .oneof(fc.constantFrom("Anna", "a, b", '"', "北京", "a: b # c", "- x"), line)
  .map((text) => text.trim().slice(0, 300))
  .filter((text) => text !== "" && text.isWellFormed());
const items = fc.uniqueArray(item, { maxLength: 4 });
const date = fc.option(
  fc
    .date({ min: new Date("2000-01-01"), max: new Date("2099-12-31"), noInvalidDate: true })
    .map((day) => day.toISOString().slice(0, 10)),
);
const evidence = fc.record({ session: item, event: item, hash: item });
const record: fc.Arbitrary<DecisionRecord> = fc.record({
  id: fc.constant("dec_01ARZ3NDEKTSV4RRFFQ69G5FAV"),
  title: words.filter((text) => text.trim() !== ""),
  status: fc.constantFrom(...DECISION_STATUSES),
  date,
  deciders: items,
  context: prose,
  drivers: prose,
  options: fc.array(
    fc.record({
      id: fc.constant("o"),
      title: fc.oneof(fc.constantFrom("A", "A", "", "Context"), words),
      pros: prose,
      cons: prose,
      chosen: fc.boolean(),
    }),
    { maxLength: 4 },
  ),
  outcome: prose,
  consequences: prose,
  tags: items,
  project: fc.option(item),
  supersedes: items,
  relatesTo: items,
  evidence: fc.array(
    evidence.map((found) => ({ id: "e", ...found })),
    { maxLength: 3 },
  ),
  origin: fc.constantFrom(...DECISION_ORIGINS),
  reviewBy: date,
});

function withoutIds(held: DecisionRecord): MadrDecision {
  const { id, ...rest } = held;
  expect(id).not.toBe("");
  return {
    ...rest,
    options: rest.options.map(({ title, pros, cons, chosen }) => ({ title, pros, cons, chosen })),
    evidence: rest.evidence.map(({ session, event, hash }) => ({ session, event, hash })),
  };
}

const EXAMPLE: DecisionRecord = {
  id: "dec_01ARZ3NDEKTSV4RRFFQ69G5FAV",
  title: "Keep the log in SQLite",
  status: "accepted",
  date: "2026-03-31",
  deciders: ["Mira", "Jonas"],
  context: "Where does the log lie?\n\n### More Information\n\nSee the bench.",
  drivers: "* small\n* quick",
  options: [
    {
      id: "1",
      title: "SQLite",
      pros: "* one file\n* known",
      cons: "a native module",
      chosen: true,
    },
    { id: "2", title: "Plain files", pros: "", cons: "no index", chosen: false },
  ],
  outcome: "it needs no server.",
  consequences:
    "* Good, because it is one file\n* Bad, because it locks\n\n### Confirmation\n\nA test.",
  tags: ["storage"],
  project: "tally",
  supersedes: [],
  relatesTo: [],
  evidence: [],
  origin: "person",
  reviewBy: null,
};

describe("a record as a file", () => {
  test("has the sections of MADR 4", () => {
    expect(toMadr(EXAMPLE)).toBe(`---
status: accepted
date: 2026-03-31
decision-makers: ["Mira","Jonas"]
tags: ["storage"]
project: "tally"
operon: dec_01ARZ3NDEKTSV4RRFFQ69G5FAV
---

# Keep the log in SQLite

## Context and Problem Statement

Where does the log lie?

## Decision Drivers

* small
* quick

## Considered Options

* SQLite
* Plain files

## Decision Outcome

Chosen option: "SQLite", because
it needs no server.

### Consequences

* Good, because it is one file
* Bad, because it locks

### Confirmation

A test.

## Pros and Cons of the Options

### SQLite

* Good, because one file
* Good, because known
* Bad, because a native module

### Plain files

* Bad, because no index

## More Information

See the bench.
`);
  });

  test("is read back as the same record, whatever its texts hold", () => {
    fc.assert(
      fc.property(record, fc.boolean(), (held, windows) => {
        const file = toMadr(held);
        const read = readMadr(windows ? file.replaceAll("\n", "\r\n") : file);
        expect(read).toEqual({ decision: withoutIds(held), notes: [] });
      }),
      { numRuns: 2_000 },
    );
  });
});

const BY_HAND = `---
# These are optional metadata elements.
status: "superseded by [ADR-0009](0009-postgres.md)"
date: 2024-05-06
decision-makers: Ada, "Grace"
consulted:
  - Edsger
informed: {list everyone who is kept up-to-date}
---

<!-- markdownlint-disable -->
# Use SQLite for the log #

## Decision Outcome

Chosen option: "[SQLite](#sqlite)", because it needs
no server.

<!-- This is an optional element. Feel free to remove. -->
### Consequences

- Good, because it is one file

### Confirmation

A test.

## Considered Options

1. [SQLite](#sqlite)
2. Plain files
3. …

## Team

Not a section of MADR.

## Context and Problem Statement

We need a log:

\`\`\`sh
## not a heading
\`\`\`

### In short

It grows.

## Pros and Cons of the Options

### SQLite

[Its page](https://sqlite.org)

- Good, because one file
- Neutral, because C
- Bad, because it locks

### Postgres

- Bad, because a server
`;

describe("a file that somebody else wrote", () => {
  test("is read with its sections in any order, and nothing of it is dropped", () => {
    expect(readMadr(BY_HAND)).toEqual({
      notes: [],
      decision: {
        title: "Use SQLite for the log",
        status: "superseded",
        date: "2024-05-06",
        deciders: ["Ada", "Grace"],
        context:
          "We need a log:\n\n```sh\n## not a heading\n```\n\n### In short\n\nIt grows.\n\n### More Information\n\n#### Team\n\nNot a section of MADR.\n\nConsulted: Edsger",
        drivers: "",
        options: [
          {
            title: "SQLite",
            pros: "[Its page](https://sqlite.org)\n\n- Neutral, because C\none file",
            cons: "it locks",
            chosen: true,
          },
          { title: "Plain files", pros: "", cons: "", chosen: false },
          { title: "Postgres", pros: "", cons: "a server", chosen: false },
        ],
        outcome: "it needs\nno server.",
        consequences: "- Good, because it is one file\n\n### Confirmation\n\nA test.",
        tags: [],
        project: null,
        supersedes: [],
        relatesTo: [],
        evidence: [],
        origin: "person",
        reviewBy: null,
      },
    });
  });

  test("of MADR 2 has its facts in a list and its consequences in two sections", () => {
    const read = readMadr(
      "# Log\r\n\r\n* Status: accepted\r\n* Deciders: Ada, Grace <!-- optional -->\r\n* Date: last week\r\n\r\nTechnical Story: T-1\r\n\r\n## Decision Outcome\r\n\r\nWe write it ourselves.\r\n\r\n### Positive Consequences\r\n\r\n* quick\r\n\r\n### Negative Consequences\r\n\r\n* ours\r\n",
    );
    expect(read?.decision).toMatchObject({
      title: "Log",
      status: "accepted",
      date: null,
      deciders: ["Ada", "Grace"],
      context: "Technical Story: T-1",
      outcome: "We write it ourselves.",
      consequences: "* Good, because quick\n\n* Bad, because ours",
    });
    expect(read?.notes).toEqual([
      '"last week" is no day written as year-month-day: it was left out.',
    ]);
  });

  test("may be no more than a title; without one it is none", () => {
    expect(readMadr("# Only this")?.decision).toMatchObject({
      title: "Only this",
      status: "proposed",
    });
    expect(readMadr("## Context\n\nx")).toBeNull();
    expect(readMadr("")).toBeNull();
  });

  test("keeps a status that no record has as a note", () => {
    expect(readMadr("---\nstatus: draft\n---\n# T")?.notes).toEqual([
      'The status "draft" is none that a record can have: it is proposed now.',
    ]);
  });
});
