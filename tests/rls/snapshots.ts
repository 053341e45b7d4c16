/** Checks of snapshots: who may ask that bodies go, and when the server lets them. */
import { check, type Check, did, given, nothing, one, refused, says } from "./checks.ts";
import {
  deviceOf,
  EPOCH,
  IDS,
  type Person,
  row as anyRow,
  type RowParts,
  TEAM,
  type World,
} from "./world.ts";

const SNAPSHOT = 2;
const ATTEST = 5;
const DISPUTE = 6;
const VOUCH = 7;

const row = (parts: RowParts) => anyRow({ epoch: EPOCH, ...parts });

/** Rows as the server takes them, with whoever it is believed: in the order of a stream that has one row of mia's. */
function stored(world: World, rows: readonly Partial<RowParts & { by: Person }>[]): string {
  return rows
    .map(({ by = "mia", ...parts }, i) => {
      const { project } = world;
      const bytes = row({ project, device: deviceOf(by), replica: `r${i}`, ...parts });
      return `insert into public.cloud_rows (stream_id, body) values (${world.projectStream}, '\\x${bytes.toString("hex")}');`;
    })
    .join("\n");
}

/** Mia's snapshot of rows 1 and 2, in rows 3 and 4. */
const MADE: readonly Partial<RowParts & { by: Person }>[] = [
  { by: "adam", doc: "adam's" },
  { replica: "made", kind: SNAPSHOT, doc: "marks", mark: [2, 1] },
  { replica: "made", kind: SNAPSHOT, doc: "marks", mark: [2, 0], seq: 2 },
];
const LAST = 4;
const word = (by: Person, kind: number): Partial<RowParts & { by: Person }> => ({
  by,
  kind,
  doc: "marks",
  mark: [LAST, 0],
});

const compact = "select public.cloud_compact($1, $2, $3)";
const bodies =
  "select n from public.cloud_rows where stream_id = $1 and body is not null order by n";

/** Whether compaction answers as it must after these rows, and leaves those bodies. */
function afterwards(
  who: Person,
  rows: readonly Partial<RowParts & { by: Person }>[],
  left: readonly number[] | "refused",
  sql = "",
  last = LAST,
): Check["run"] {
  return (world) =>
    world.mutated(stored(world, [...MADE, ...rows]) + sql, () =>
      world.as(who, async (attempt) => {
        const outcome = await attempt(compact, [TEAM, world.project, last]);
        if (left === "refused") return says(outcome, "not_attested");
        const kept = (await attempt(bodies, [world.projectStream])).rows?.map(({ n }) => n);
        return did(outcome) && JSON.stringify(kept) === JSON.stringify(left);
      }),
    );
}

const may = (name: string, run: Check["run"], who: Check["who"] = "member") =>
  check("cloud_compact", "call", who, name, run);

may("drops what an attested snapshot covers", afterwards("mia", [word("adam", ATTEST)], [3, 4, 5]));
may("needs an attest", afterwards("mia", [], "refused"));
may("takes no attest of its maker", afterwards("mia", [word("mia", ATTEST)], "refused"));
may(
  "stops at a dispute, whoever attested",
  afterwards("adam", [word("adam", ATTEST), word("olga", DISPUTE)], "refused"),
);
may(
  "goes on when an admin vouches after it",
  afterwards(
    "mia",
    [word("adam", ATTEST), word("olga", DISPUTE), word("adam", VOUCH)],
    [3, 4, 5, 6, 7],
  ),
);
may(
  "does not go on by a word from before",
  afterwards("mia", [word("adam", VOUCH), word("adam", ATTEST), word("olga", DISPUTE)], "refused"),
);
may(
  "does not go on by a member's word",
  afterwards("mia", [word("adam", ATTEST), word("olga", DISPUTE), word("mia", VOUCH)], "refused"),
);
may(
  "takes no attest for a vouch",
  afterwards("mia", [word("olga", DISPUTE), word("adam", ATTEST)], "refused"),
);
may(
  "takes no member's vouch for an attest",
  afterwards(
    "mia",
    [
      { by: "adam", kind: SNAPSHOT, doc: "marks", mark: [2, 0] },
      { by: "mia", kind: VOUCH, doc: "marks", mark: [5, 0] },
    ],
    "refused",
    "",
    5,
  ),
);
may(
  "takes no word about another one",
  afterwards(
    "mia",
    [
      { by: "mia", kind: SNAPSHOT, doc: "marks", mark: [2, 0] },
      { by: "adam", kind: ATTEST, doc: "marks", mark: [5, 0] },
    ],
    "refused",
  ),
);
const aged = (days: number, n = LAST) =>
  `update public.cloud_rows set came_at = now() - interval '${days} days' where n = ${n} and kind = 2;`;
may("needs none after 30 days alone", afterwards("mia", [], [3, 4], aged(31)));
may("needs one before", afterwards("mia", [], "refused", aged(29)));
may(
  "needs one if somebody else was there",
  afterwards("mia", [{ by: "adam", doc: "later" }], "refused", aged(31)),
);
may("is for the last row of a snapshot only", afterwards("mia", [], "refused", aged(31, 3), 3));
const NEXT: readonly Partial<RowParts & { by: Person }>[] = [
  word("adam", ATTEST),
  { by: "mia", replica: "next", kind: SNAPSHOT, doc: "marks", mark: [5, 0] },
  { by: "adam", kind: ATTEST, doc: "marks", mark: [6, 0] },
];
const once = (world: World, last: number) =>
  `insert into public.cloud_compactions (stream_id, last, asked_by) values (${world.projectStream}, ${last}, '${IDS.mia}');`;
may("keeps the snapshot before, and drops an older one", (world) =>
  afterwards(
    "mia",
    [
      ...NEXT,
      { by: "mia", replica: "third", kind: SNAPSHOT, doc: "marks", mark: [7, 0] },
      { by: "adam", kind: ATTEST, doc: "marks", mark: [8, 0] },
    ],
    [5, 6, 7, 8, 9],
    once(world, LAST) + once(world, 6),
    8,
  )(world),
);
may("goes on, never back", (world) =>
  afterwards("mia", NEXT, "refused", once(world, 6), LAST)(world),
);
may("again for the same one: nothing happens", (world) =>
  afterwards("mia", [word("adam", ATTEST)], [3, 4, 5], once(world, LAST))(world),
);
check(
  "cloud_compact",
  "call",
  "stranger",
  "is refused",
  one(
    "stan",
    compact,
    ({ project }) => [TEAM, project, 1],
    (o) => says(o, "not_a_member"),
  ),
);

// Around the functions.

const insertCompaction = "insert into public.cloud_compactions (stream_id, last) values ($1, $2)";
const attested = (world: World) => stored(world, [...MADE, word("adam", ATTEST)]);
check("cloud_compactions", "insert", "member", "of an attested snapshot", (world) =>
  world.mutated(attested(world), () =>
    one("mia", insertCompaction, ({ projectStream }) => [projectStream, LAST], did)(world),
  ),
);
check("cloud_compactions", "insert", "member", "not of another", (world) =>
  world.mutated(stored(world, MADE), () =>
    one("mia", insertCompaction, ({ projectStream }) => [projectStream, LAST], refused)(world),
  ),
);
check("cloud_compactions", "insert", "stranger", "is refused", (world) =>
  world.mutated(attested(world), () =>
    one("stan", insertCompaction, ({ projectStream }) => [projectStream, LAST], refused)(world),
  ),
);
for (const [who, person, good] of [
  ["member", "mia", given],
  ["stranger", "stan", nothing],
  ["anon", "anon", refused],
] as const)
  check("cloud_compactions", "select", who, "reads the team's, if of it", (world) =>
    world.mutated(attested(world) + once(world, LAST), () =>
      one(person, "select * from public.cloud_compactions", () => [], good)(world),
    ),
  );
for (const [who, person] of [
  ["member", "olga"],
  ["stranger", "stan"],
] as const) {
  for (const [what, sql] of [
    ["update", "update public.cloud_compactions set last = 0"],
    ["delete", "delete from public.cloud_compactions"],
  ] as const)
    check(
      "cloud_compactions",
      what,
      who,
      "is refused",
      one(person, sql, () => [], refused),
    );
  check(
    "cloud_rows",
    "update",
    who,
    "cannot take a body away",
    one(person, "update public.cloud_rows set body = null", () => [], refused),
  );
}
for (const column of ["asked_by", "at"])
  check(
    "cloud_compactions",
    "insert",
    "member",
    `cannot choose ${column}`,
    one(
      "mia",
      `insert into public.cloud_compactions (stream_id, last, ${column}) values ($1, 1, null)`,
      ({ projectStream }) => [projectStream],
      refused,
    ),
  );
for (const column of ["kind", "mark", "rest", "came_at"])
  check(
    "cloud_rows",
    "insert",
    "member",
    `cannot choose ${column}`,
    one(
      "mia",
      `insert into public.cloud_rows (stream_id, body, ${column}) values ($1, $2, null)`,
      ({ projectStream }) => [projectStream, row({ device: deviceOf("mia") })],
      refused,
    ),
  );

// What a row about a snapshot must fit.

const insertRow = "insert into public.cloud_rows (stream_id, body) values ($1, $2)";
const writes =
  (parts: Partial<RowParts>, good: (outcome: Parameters<typeof did>[0]) => boolean) =>
  (world: World) =>
    world.mutated(stored(world, MADE), () =>
      one(
        "mia",
        insertRow,
        ({ project, projectStream }) => [
          projectStream,
          row({ project, device: deviceOf("mia"), replica: "new", ...parts }),
        ],
        good,
      )(world),
    );
const misplaced = (outcome: Parameters<typeof did>[0]) => says(outcome, "row_misplaced");
const ofRows = (what: string, run: Check["run"]) =>
  check("cloud_rows", "insert", "member", what, run);
ofRows("a snapshot covers what is there", writes({ kind: SNAPSHOT, mark: [4, 0] }, did));
ofRows("and nothing else", writes({ kind: SNAPSHOT, mark: [5, 0] }, misplaced));
ofRows("a large number is read whole", writes({ kind: SNAPSHOT, mark: [2 ** 40, 0] }, misplaced));
for (const kind of [ATTEST, DISPUTE, VOUCH]) {
  ofRows(`a word (${kind}) speaks of a snapshot`, writes({ kind, mark: [LAST, 0] }, did));
  ofRows(`a word (${kind}) speaks of its last row`, writes({ kind, mark: [3, 0] }, misplaced));
  ofRows(`a word (${kind}) speaks of no change`, writes({ kind, mark: [1, 0] }, misplaced));
}
ofRows(
  "a word has its number",
  one(
    "mia",
    insertRow,
    ({ project, projectStream }) => {
      const parts = { project, device: deviceOf("mia"), kind: ATTEST, mark: [1, 0] } as const;
      return [projectStream, row(parts).subarray(0, 130)];
    },
    (o) => says(o, "row_unreadable"),
  ),
);
check("cloud_push", "call", "member", "a chain that a snapshot covers is closed", (world) =>
  world.mutated(stored(world, MADE), () =>
    world.as("mia", async (attempt) => {
      const push = async (parts: Partial<RowParts>) =>
        (
          await attempt("select public.cloud_push($1, $2, $3) as answers", [
            TEAM,
            world.project,
            JSON.stringify([
              row({ project: world.project, device: deviceOf("mia"), ...parts }).toString("base64"),
            ]),
          ])
        ).rows?.[0]?.["answers"] as { n?: number; conflict?: boolean }[] | undefined;
      return (
        (await push({ seq: 2 }))?.[0]?.conflict === true &&
        (await push({ seq: 1, replica: "two" }))?.[0]?.n === 5 &&
        (await push({ seq: 2, replica: "two" }))?.[0]?.n === 6
      );
    }),
  ),
);
check("cloud_push", "call", "member", "a snapshot that is not whole closes nothing", (world) =>
  world.mutated(stored(world, [{ kind: SNAPSHOT, doc: "marks", mark: [1, 1] }]), () =>
    world.as("mia", async (attempt) => {
      await attempt(insertRow, [
        world.projectStream,
        row({ project: world.project, device: deviceOf("mia"), seq: 2 }),
      ]);
      const { rows } = await attempt("select from public.cloud_rows where seq = 2 and kind = 1");
      return rows?.length === 1;
    }),
  ),
);

// Reading.

type Listing = {
  readonly bytes: number;
  readonly snapshots: readonly {
    readonly last: number;
    readonly n: number;
    readonly bytes: number;
    readonly behind: number;
    readonly days: number;
    readonly othersActive: boolean;
    readonly dropped: boolean;
    readonly words: readonly (readonly [number, string])[];
  }[];
};
const ROW_BYTES = 256;
check("cloud_snapshots", "call", "member", "says what there is and who said what", (world) =>
  world.mutated(attested(world) + aged(3) + once(world, LAST), () =>
    world.as("olga", async (attempt) => {
      const { rows } = await attempt("select public.cloud_snapshots($1, $2) as listing", [
        TEAM,
        world.project,
      ]);
      const listing = rows?.[0]?.["listing"] as Listing | undefined;
      const [made, ...more] = listing?.snapshots ?? [];
      return (
        more.length === 0 &&
        made !== undefined &&
        made.last === LAST &&
        made.n === 2 &&
        made.days === 3 &&
        made.dropped &&
        made.othersActive &&
        made.bytes === 2 * (ROW_BYTES + 8) &&
        made.behind === 0 &&
        listing?.bytes === 0 &&
        made.words.length === 1 &&
        made.words[0]?.[0] === 5
      );
    }),
  ),
);
/** Numbers of the snapshots that are listed. */
const lists = (name: string, sql: (world: World) => string, wanted: readonly number[]) =>
  check("cloud_snapshots", "call", "member", name, (world) =>
    world.mutated(sql(world), () =>
      world.as("olga", async (attempt) => {
        const args = [TEAM, world.project];
        const { rows } = await attempt("select public.cloud_snapshots($1, $2) as listing", args);
        const listing = rows?.[0]?.["listing"] as Listing | undefined;
        return listing?.snapshots.map(({ last }) => last).join() === wanted.join();
      }),
    ),
  );
const makes = (by: Person, replica: string) => ({
  ...{ by, replica, kind: SNAPSHOT, doc: "marks" },
  mark: [2, 0] as const,
});
const many = (count: number) => Array.from({ length: count }, (_, i) => makes("mia", `many ${i}`));
lists(
  "those that stand, and of each device the newest two",
  (world) =>
    stored(world, [
      ...[...MADE, word("adam", ATTEST), makes("mia", "next")],
      { ...word("adam", ATTEST), replica: "w", mark: [6, 0] },
      ...[makes("adam", "his"), ...many(9)],
    ]) + once(world, LAST),
  [17, 16, 8, 6, LAST],
);
lists(
  "nothing else from before the newest for which bodies went",
  (world) => stored(world, [...MADE, ...many(2), makes("mia", "last")]) + once(world, 7),
  [7],
);
lists(
  "two for which bodies went",
  (world) =>
    stored(world, [...MADE, ...many(2)]) + [LAST, 5, 6].map((n) => once(world, n)).join(""),
  [6, 5],
);

check("cloud_snapshot_rows", "call", "member", "gives one snapshot's rows", (world) =>
  world.mutated(attested(world), () =>
    world.as("olga", async (attempt) => {
      const read = async (after: number) =>
        (
          await attempt("select public.cloud_snapshot_rows($1, $2, $3, $4) as page", [
            TEAM,
            world.project,
            LAST,
            after,
          ])
        ).rows?.[0]?.["page"] as
          | { rows: readonly (readonly [number, string])[]; more: boolean }
          | undefined;
      const numbers = async (after: number) => (await read(after))?.rows.map(([n]) => n).join();
      return (
        (await numbers(0)) === "3,4" &&
        (await numbers(3)) === "4" &&
        (await read(0))?.more === false
      );
    }),
  ),
);
for (const [name, args] of [
  ["cloud_snapshots", "$1, null"],
  ["cloud_snapshot_rows", "$1, null, 1, 0"],
] as const)
  check(
    name,
    "call",
    "stranger",
    "is refused",
    one(
      "stan",
      `select public.${name}(${args})`,
      () => [TEAM],
      (o) => says(o, "not_a_member"),
    ),
  );
for (const name of ["cloud_snapshots", "cloud_snapshot_rows", "cloud_compact"])
  check(
    name,
    "call",
    "anon",
    "is refused",
    one(
      "anon",
      `select public.${name}($1, null${", 0".repeat(["cloud_snapshots", "cloud_compact", "cloud_snapshot_rows"].indexOf(name))})`,
      () => [TEAM],
      refused,
    ),
  );
check(
  "cloud_pull",
  "call",
  "member",
  "gives dropped rows by their hash, and what is held",
  (world) =>
    world.mutated(attested(world) + once(world, LAST), () =>
      world.as("adam", async (attempt) => {
        const read = async (cursors: string) => {
          const { rows } = await attempt("select public.cloud_pull($1, $2, 100) as page", [
            TEAM,
            cursors,
          ]);
          const page = rows?.[0]?.["page"] as
            | { rows: readonly (readonly (string | null)[])[] }
            | undefined;
          return page?.rows
            .filter(([project]) => project === world.project)
            .map((pulled) => `${pulled[1]}${pulled[2] === null ? `-${pulled[3]?.length}` : "+"}`)
            .join(" ");
        };
        return (
          (await read("[]")) === "1-44 2-44 3+ 4+ 5+" &&
          (await read(JSON.stringify([[world.project, 2, 3]]))) === "3-44 4+ 5+" &&
          (await read(JSON.stringify([[world.project, 2, 9]]))) === "3-44 4-44 5+"
        );
      }),
    ),
);

for (const [name, args, answer] of [
  ["operon.may_drop", "$1, 4", false],
  ["operon.is_snapshot", "$1, 4", false],
] as const)
  check(name, "call", "stranger", "says no", (world) =>
    world.mutated(attested(world), () =>
      one(
        "stan",
        `select ${name}(${args}) as answer`,
        ({ projectStream }) => [projectStream],
        (o) => o.rows?.[0]?.["answer"] === answer,
      )(world),
    ),
  );
check("operon.snapshots_of", "call", "stranger", "knows of none", (world) =>
  world.mutated(attested(world), () =>
    one(
      "stan",
      "select operon.snapshots_of($1) as last",
      ({ projectStream }) => [projectStream],
      (o) => o.rows?.length === 0,
    )(world),
  ),
);
check("operon.others_active", "call", "stranger", "says no", (world) =>
  world.mutated(attested(world), () =>
    one(
      "stan",
      `select operon.others_active(row(${world.projectStream}, 4, null, null, null, '\\x00', null, null, null, null, 2, 2, 0, null)::public.cloud_rows) as answer`,
      () => [],
      (o) => o.rows?.[0]?.["answer"] === false,
    )(world),
  ),
);
check(
  "operon.stream_of",
  "call",
  "stranger",
  "knows no stream of the team",
  one(
    "stan",
    "select operon.stream_of($1, null)",
    () => [TEAM],
    (o) => says(o, "not_a_member"),
  ),
);

/** Each thing that the server asks, and what stands there when it does not: some check must fail. */
export const CONDITIONS: readonly {
  readonly name: string;
  readonly of: string;
  readonly condition: string;
  readonly instead: string;
}[] = [
  ["an attest", "operon.may_drop", "a.kind = 5 and", ""],
  ["of another device", "operon.may_drop", "and a.device <> s.device", ""],
  [
    "no dispute",
    "operon.may_drop",
    "when exists (select from words d where d.kind = 6) then false",
    "",
  ],
  ["a vouch", "operon.may_drop", "v.kind = 7 and", ""],
  ["of who leads", "operon.may_drop", "operon.leads(stream, v.device)", "true"],
  ["who leads by role", "operon.leads", "and m.role in ('owner', 'admin')", ""],
  [
    "after the dispute",
    "operon.may_drop",
    "and v.n > all (select d.n from words d where d.kind = 6)",
    "",
  ],
  ["words about this snapshot", "operon.may_drop", "and w.mark = last", ""],
  ["30 days", "operon.may_drop", "s.came_at <= now() - interval '30 days' and", ""],
  ["nobody else there", "operon.may_drop", "and not operon.others_active(s)", ""],
  ["a snapshot", "operon.may_drop", "and s.kind = 2 and s.rest = 0", ""],
  ["a member", "operon.may_drop", "and s.stream_id in (select operon.my_streams())", ""],
  [
    "a newer snapshot",
    "operon.may_drop",
    "and last > all (select c.last from public.cloud_compactions c where c.stream_id = stream)",
    "",
  ],
  ["those that stand", "operon.snapshots_of", "union select t.n from standing t", ""],
  ["those that are done", "operon.snapshots_of", "select d.last from done d union", ""],
  ["two that are done", "operon.snapshots_of", "order by c.last desc limit 2", ""],
  ["behind those", "operon.snapshots_of", "and s.n > all (select d.last from done d)", ""],
  ["two of each device", "operon.snapshots_of", "where b.place <= 2", ""],
  ["those that may", "operon.snapshots_of", "where operon.may_drop(stream, b.n)", ""],
  ["what is covered", "operon.drop_bodies", "r.n <= made.mark and", ""],
  ["the snapshot before", "operon.drop_bodies", "is distinct from", "is not distinct from"],
  ["changes", "operon.drop_bodies", "r.kind = 1", "true"],
  ["a snapshot of what is there", "operon.take_number", "new.mark > stream.n", "false"],
  [
    "a word about a snapshot",
    "operon.take_number",
    "not operon.is_snapshot(new.stream_id, new.mark)",
    "false",
  ],
  ["closed chains", "operon.take_number", "or operon.is_closed(new)", ""],
  ["a whole snapshot closes", "operon.is_closed", "and s.rest = 0", ""],
].map(([name, of, condition, instead]) => ({ name, of, condition, instead })) as never;
