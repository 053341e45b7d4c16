/**
 * Who may do what in the cloud's tables and functions, one check each: `on` is a table or function, `what` an action on it,
 * `who` a member of the team or a stranger to it. A check answers whether the database behaved.
 */
import { isDeepStrictEqual } from "node:util";
import type { Body } from "../../src/crypto/log/body.ts";
import { teamOf } from "../../src/crypto/log/entry.ts";
import {
  addDevice,
  base64,
  byDevice,
  entry,
  epoch,
  fences,
  founding,
  type HeadRow,
  invite,
  inviteOf,
  type Item,
  join,
  memberOf,
  proof,
  renaming,
  sha256,
} from "./entries.ts";
import {
  APPEND,
  device,
  deviceOf,
  DEVICES,
  email,
  EPOCH,
  FOUNDING,
  IDS,
  OTHER_TEAM,
  type Outcome,
  type Person,
  row,
  type RowParts,
  TEAM,
  type Try,
  type World,
} from "./world.ts";

const crowdOf = (i: number) => `00000000-0000-4000-8000-${String(i).padStart(12, "0")}`;
/** 2,100 projects, and in each a row of mia's. */
const CROWDED = `
  alter table public.cloud_projects disable trigger found_project;
  alter table public.cloud_rows disable trigger take_number;
  insert into public.cloud_projects (id, team_id, created_by)
    select ('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, '${TEAM}', '${IDS.mia}' from generate_series(1, 2100) i;
  insert into public.cloud_streams (team_id, project_id, n)
    select team_id, id, 1 from public.cloud_projects where id::text like '00000000-0000-4000-8000-%';
  insert into public.cloud_rows (stream_id, n, hash, h, doc, device, replica, epoch, seq, body)
    select s.id, 1, 'x', decode(repeat('00', 32), 'hex'), 'x', '\\x${deviceOf("mia").toString("hex")}', 'x', 1, 1, 'x'
    from public.cloud_streams s where s.project_id::text like '00000000-0000-4000-8000-%';
`;

/** What comes of it when olga removes mia, who wrote into 2,100 streams, with so many fences. */
export function removedFromCrowd(world: World, drawn: number): Promise<Outcome> {
  const crowd = Array.from({ length: drawn - world.heads.length }, (_, i) => ({
    project: crowdOf(i + 1),
    n: 1,
    h: Buffer.alloc(32),
  }));
  const body = {
    kind: "remove-member",
    member: memberOf(IDS.mia),
    fences: fences([...world.heads, ...crowd]),
  } as const;
  return world.mutated(CROWDED, () =>
    world.as("olga", (attempt) => append(attempt, world, [said("olga", body)])),
  );
}

export interface Check {
  readonly on: string;
  readonly what: string;
  readonly who: "member" | "stranger" | "anon";
  readonly name: string;
  run(world: World): Promise<boolean>;
}

export const checks: Check[] = [];

export function check(
  on: string,
  what: string,
  who: Check["who"],
  name: string,
  run: Check["run"],
): void {
  checks.push({ on, what, who, name, run });
}

/** Never of the team, and no longer. */
const STRANGERS = ["stan", "rita"] as const;

const hex = (bytes: Buffer) => bytes.toString("hex");
export const given = (outcome: Outcome) => (outcome.rows?.length ?? 0) > 0;
export const nothing = (outcome: Outcome) => outcome.rows?.length === 0;
/** `code` 42501: a privilege, a policy or the log's writer refuses. */
export const refused = (outcome: Outcome, code = "42501") => outcome.refused?.code === code;
export const says = (outcome: Outcome, word: string) =>
  outcome.refused?.code === "P0001" && outcome.refused.message === word;
const saying = (word: string) => (outcome: Outcome) => says(outcome, word);
export const did = (outcome: Outcome) => outcome.refused === null;
/** Of what was appended: all of it, or none because it came too late. */
const late = (outcome: Outcome) =>
  (outcome.rows?.[0]?.["appended"] as { late: string | null } | undefined)?.late;
const done = (outcome: Outcome) => late(outcome) === null;
const tooLate = (word: string) => (outcome: Outcome) => late(outcome) === word;

export function one(
  who: Person | "anon",
  sql: string,
  parameters: (world: World) => readonly unknown[],
  good: (outcome: Outcome) => boolean,
) {
  return (world: World) =>
    world.as(who, async (attempt) => good(await attempt(sql, parameters(world))));
}

function stranger(
  on: string,
  what: string,
  name: string,
  run: (who: (typeof STRANGERS)[number]) => Check["run"],
): void {
  for (const who of STRANGERS) check(on, what, "stranger", `(${who}) ${name}`, run(who));
}

// Tables: what a member and a stranger see of team A, and what both cannot change.

const OF_TEAM: Readonly<Record<string, string>> = {
  cloud_teams: `id = '${TEAM}'`,
  cloud_members: `team_id = '${TEAM}'`,
  cloud_devices: `team_id = '${TEAM}'`,
  cloud_log: `team_id = '${TEAM}'`,
  cloud_epochs: `team_id = '${TEAM}'`,
  cloud_boxes: `team_id = '${TEAM}'`,
  cloud_projects: `team_id = '${TEAM}'`,
  cloud_streams: `team_id = '${TEAM}'`,
  cloud_rows: `stream_id in (select id from public.cloud_streams where team_id = '${TEAM}') or n < 0`,
  cloud_invites: "true",
};
/** The others have one writer. */
const WRITTEN_BY_CLIENTS = new Set(["cloud_projects", "cloud_rows"]);

for (const [table, condition] of Object.entries(OF_TEAM)) {
  const seen = table === "cloud_invites" ? nothing : given;
  const select = `select * from public.${table} where ${condition}`;
  check(
    table,
    "select",
    "member",
    "reads the team's",
    one("mia", select, () => [], seen),
  );
  stranger(table, "select", "reads nothing of it", (who) => one(who, select, () => [], nothing));
  check(
    table,
    "select",
    "anon",
    "is refused",
    one("anon", `select * from public.${table}`, () => [], refused),
  );
  const column = table === "cloud_rows" || table === "cloud_streams" ? "n" : "team_id";
  const assignment = table === "cloud_teams" ? "id = id" : `${column} = ${column}`;
  for (const [who, person] of [
    ["member", "olga"],
    ["stranger", "stan"],
    ["stranger", "rita"],
  ] as const) {
    check(
      table,
      "update",
      who,
      `(${person}) is refused`,
      one(person, `update public.${table} set ${assignment}`, () => [], refused),
    );
    check(
      table,
      "delete",
      who,
      `(${person}) is refused`,
      one(person, `delete from public.${table}`, () => [], refused),
    );
    if (!WRITTEN_BY_CLIENTS.has(table))
      check(
        table,
        "insert",
        who,
        `(${person}) is refused`,
        one(person, `insert into public.${table} default values`, () => [], refused),
      );
  }
}

const setKeyRecord = "update public.cloud_epochs set key_record = '\\x00' returning entry";
check(
  "cloud_epochs",
  "update",
  "member",
  "an admin replaces what the passphrase opens, of his team",
  one(
    "adam",
    setKeyRecord,
    () => [],
    (o) => o.rows?.length === 2,
  ),
);
check(
  "cloud_epochs",
  "update",
  "member",
  "nobody else of the team",
  one("mia", setKeyRecord, () => [], nothing),
);
stranger("cloud_epochs", "update", "of another team nothing", (who) =>
  one(
    who,
    setKeyRecord,
    () => [],
    (o) => o.rows?.length === (who === "stan" ? 1 : 0),
  ),
);
check(
  "cloud_boxes",
  "select",
  "member",
  "reads those of her devices and no other's",
  one(
    "mia",
    "select device from public.cloud_boxes",
    () => [],
    (o) =>
      o.rows?.length === 4 &&
      o.rows.every(({ device: id }) =>
        (["mia", "over", "booth", "paper"] as const).some((name) =>
          deviceOf(name).equals(id as Buffer),
        ),
      ),
  ),
);

/** `operon.proof` is what a call of a function presents. */
const present = (attempt: Try, name: string) =>
  attempt("select set_config('operon.proof', $1, true)", [hex(proof(name))]);
for (const table of ["cloud_log", "cloud_epochs"]) {
  const select = `select * from public.${table} where ${OF_TEAM[table]}`;
  for (const [name, who, shown, good] of [
    ["reads with an invite made for her", "nina", "nina", given],
    ["reads nothing with another's invite", "stan", "nina", nothing],
    ["reads nothing with a member's own", "nina", "mia's own", nothing],
    ["reads nothing with one that is too old", "nina", "old", nothing],
  ] as const)
    check(table, "select", "stranger", name, (world) =>
      world.as(who, async (attempt) => {
        await present(attempt, shown);
        return good(await attempt(select));
      }),
    );
}
check("cloud_invites", "select", "stranger", "sees the invite whose proof she presents", (world) =>
  world.as("nina", async (attempt) => {
    await present(attempt, "nina");
    return (await attempt("select * from public.cloud_invites")).rows?.length === 1;
  }),
);

const insertProject = "insert into public.cloud_projects (team_id, created_by) values ($1, $2)";
check(
  "cloud_projects",
  "insert",
  "member",
  "links a project",
  one("mia", insertProject, () => [TEAM, IDS.mia], did),
);
check(
  "cloud_projects",
  "insert",
  "member",
  "not in another's name",
  one("mia", insertProject, () => [TEAM, IDS.olga], refused),
);
check(
  "cloud_projects",
  "insert",
  "member",
  "cannot choose who sees it",
  one(
    "mia",
    "insert into public.cloud_projects (team_id, seen_by) values ($1, '{}')",
    () => [TEAM],
    refused,
  ),
);
stranger("cloud_projects", "insert", "is refused", (who) =>
  one(who, insertProject, () => [TEAM, IDS[who]], refused),
);
for (const [who, good] of [
  ["mia", given],
  ["adam", nothing],
] as const) {
  const name =
    who === "mia" ? "sees what she is named for" : "sees nothing of what others are named for";
  for (const [table, condition, of] of [
    ["cloud_projects", "id = $1", (world: World) => world.ours],
    ["cloud_rows", "stream_id = $1", (world: World) => world.oursStream],
  ] as const)
    check(
      table,
      "select",
      "member",
      name,
      one(who, `select * from public.${table} where ${condition}`, (world) => [of(world)], good),
    );
}

const insertRow = "insert into public.cloud_rows (stream_id, body) values ($1, $2)";
const written = (parts: RowParts) => row({ epoch: EPOCH, seq: 2, ...parts });
for (const [name, who, as, good] of [
  ["writes as her device", "mia", "mia", did],
  ["writes as one whose end is to come", "mia", "booth", did],
  ["cannot write as another's", "mia", "adam", refused],
  ["cannot write as one whose end has come", "mia", "over", refused],
  ["cannot write as one that is on paper", "mia", "paper", refused],
] as const)
  check(
    "cloud_rows",
    "insert",
    "member",
    name,
    one(who, insertRow, ({ stream }) => [stream, written({ device: deviceOf(as) })], good),
  );
check(
  "cloud_rows",
  "insert",
  "member",
  "cannot write where others are named",
  one(
    "adam",
    insertRow,
    ({ oursStream, ours }) => [oursStream, written({ device: deviceOf("adam"), project: ours })],
    refused,
  ),
);
stranger("cloud_rows", "insert", "is refused", (who) =>
  one(who, insertRow, ({ stream }) => [stream, written({ device: deviceOf(who) })], refused),
);
for (const column of ["n", "hash", "h", "doc", "device", "replica", "epoch", "seq"])
  check(
    "cloud_rows",
    "insert",
    "member",
    `cannot choose ${column}`,
    one(
      "mia",
      `insert into public.cloud_rows (stream_id, body, ${column}) values ($1, $2, null)`,
      ({ stream }) => [stream, written({ device: deviceOf("mia") })],
      refused,
    ),
  );

// Functions: what is appended to the log.

type Beside = Omit<Item, "entry">;
interface Appending {
  readonly team?: string;
  readonly listed?: number;
}

function append(attempt: Try, world: World, items: readonly Item[], to: Appending = {}) {
  const { team = TEAM, listed = world.listed } = to;
  return attempt(APPEND, [team, listed, JSON.stringify(items)]);
}

type Bodied = Body | ((world: World) => Body);
/** Of team A's log, by that device. */
const said = (
  by: keyof typeof DEVICES,
  body: Body,
  beside: Beside = {},
  atMs = Date.now(),
): Item => ({
  entry: base64(entry(TEAM, byDevice(DEVICES[by]), body, atMs)),
  ...beside,
});
const bodyIn = (world: World, body: Bodied) => (typeof body === "function" ? body(world) : body);

/** What happens to one entry of a device: `who` sends it. */
function appending(
  name: string,
  [who, by]: readonly [who: Person, by: keyof typeof DEVICES],
  body: Bodied,
  good: (outcome: Outcome) => boolean,
  beside: Beside = {},
): void {
  const kind = STRANGERS.some((each) => each === who) ? "stranger" : "member";
  check("cloud_log_append", "call", kind, name, (world) =>
    world.as(who, async (attempt) =>
      good(await append(attempt, world, [said(by, bodyIn(world, body), beside)])),
    ),
  );
}

/** And what it changes: `then` as `other`. */
function appended(
  name: string,
  who: Person,
  items: (world: World) => readonly Item[],
  other: Person,
  then: (attempt: Try, world: World) => Promise<boolean>,
): void {
  check("cloud_log_append", "call", "member", name, (world) =>
    world.as(who, async (attempt, become) => {
      if (!done(await append(attempt, world, items(world)))) return false;
      await become(other);
      return then(attempt, world);
    }),
  );
}

const count = async (attempt: Try, table: string, condition = OF_TEAM[table] as string) =>
  (await attempt(`select * from public.${table} where ${condition}`)).rows?.length;

const fresh = device("fresh");
const own = founding(fresh, IDS.mia);
const forged = founding(fresh, IDS.mia, DEVICES.mia);
for (const [kind, name, who, items, team, good] of [
  ["member", "founds another team", "mia", own.items, own.team, done],
  ["member", "founds none by another device", "mia", forged.items, forged.team, refused],
  ["stranger", "founds none in another's name", "stan", own.items, own.team, refused],
  [
    "member",
    "founds none of another name",
    "mia",
    own.items,
    forged.team,
    saying("entry_misplaced"),
  ],
  [
    "member",
    "founds none without an epoch",
    "mia",
    [own.items[0]],
    own.team,
    saying("epoch_incomplete"),
  ],
  ["member", "is told that the team is there", "olga", FOUNDING, TEAM, tooLate("log_moved")],
  ["stranger", "takes no team that is there", "stan", own.items, TEAM, saying("not_a_member")],
  ["stranger", "makes no team of nothing", "stan", [], own.team, saying("epoch_incomplete")],
] as const)
  check("cloud_log_append", "call", kind, name, (world) =>
    world.as(who, async (attempt) =>
      good(await append(attempt, world, items, { team, listed: 0 })),
    ),
  );

const rename = said("mia", renaming(DEVICES.mia.id));
const ownRole = said("mia", { kind: "role", member: memberOf(IDS.mia), role: "owner" });
for (const [name, items, to, good] of [
  ["appends", [rename], {}, done],
  ["not when others came first", [rename], { listed: 3 }, tooLate("log_moved")],
  ["not what lies ahead", [rename], { listed: 99 }, tooLate("log_moved")],
  ["all or nothing", [rename, ownRole], {}, refused],
] as const)
  check("cloud_log_append", "call", "member", name, (world) =>
    world.as("mia", async (attempt) => {
      const outcome = await append(attempt, world, items, to);
      const more = (await count(attempt, "cloud_log")) === world.listed + 1;
      return good(outcome) && more === done(outcome);
    }),
  );
stranger(
  "cloud_log_append",
  "call",
  "cannot append",
  (who) => (world) =>
    world.as(who, async (attempt) =>
      says(await append(attempt, world, [said(who, renaming(DEVICES[who].id))]), "not_a_member"),
    ),
);
for (const [name, listed] of [
  ["and is not told how many entries there are", 0],
  ["nor that it has the right number", null],
] as const)
  stranger(
    "cloud_log_append",
    "call",
    name,
    (who) => (world) =>
      world.as(who, async (attempt) =>
        says(
          await append(
            attempt,
            world,
            [join(TEAM, "never", { device: fresh, account: IDS[who] })],
            {
              listed: listed ?? world.listed,
            },
          ),
          "invite_unknown",
        ),
      ),
  );

/** Bytes of an entry, changed. */
function bent(item: Item, change: (bytes: Buffer) => Buffer | void): Item {
  const bytes = Buffer.from(item.entry, "base64");
  return { ...item, entry: base64(change(bytes) ?? bytes) };
}
const removal =
  (what: "member" | "device", id: string): Bodied =>
  (world) =>
    what === "member"
      ? { kind: "remove-member", member: id, fences: fences(world.heads) }
      : { kind: "remove-device", device: id, fences: fences(world.heads) };
const documents: Body = {
  kind: "retire",
  why: "unshared",
  scope: { what: "documents", documents: ["11".repeat(16)] },
};
const named = [IDS.olga, IDS.adam, IDS.mia].map(memberOf);
/** One of each kind that olga may append. */
const ALL_KINDS: readonly ((world: World) => Item)[] = [
  () => invite(TEAM, DEVICES.olga, "new", "admin", email("stan")),
  () => ({
    entry: base64(addDevice(TEAM, byDevice(DEVICES.olga), { device: fresh, account: IDS.olga })),
  }),
  () => said("olga", { kind: "revoke-invite", invite: inviteOf("nina") }),
  () => said("olga", { kind: "role", member: memberOf(IDS.mia), role: "admin" }),
  ({ ours }) => said("olga", { kind: "project-access", project: memberOf(ours), members: named }),
  ({ ours }) => said("olga", { kind: "project-access", project: memberOf(ours), members: null }),
  (world) => said("olga", bodyIn(world, removal("member", memberOf(IDS.adam)))),
  (world) => said("olga", bodyIn(world, removal("device", DEVICES.adam.id))),
  () => said("olga", renaming(DEVICES.olga.id)),
  () => epoch(TEAM, DEVICES.olga, EPOCH + 1, [DEVICES.olga.id]),
  () => said("olga", documents),
];
for (const [name, good, change] of [
  ["takes one of each kind", done, () => undefined],
  [
    "none that is a byte longer",
    saying("entry_unreadable"),
    (bytes: Buffer) => Buffer.concat([bytes, Buffer.from([0])]),
  ],
  ["none that is a byte shorter", saying("entry_unreadable"), (bytes: Buffer) => bytes.subarray(1)],
] as const)
  for (const [i, item] of ALL_KINDS.entries())
    check("cloud_log_append", "call", "member", `${name} (${i})`, (world) =>
      world.as("olga", async (attempt) => {
        const { entry: text } = item(world);
        const retires = Buffer.from(text, "base64")[1] === 11;
        // A retirement's lists are the devices' to count.
        return (
          (retires && good !== done) ||
          good(await append(attempt, world, [bent(item(world), (bytes) => tail(bytes, change))]))
        );
      }),
    );
const longer = bent(own.items[0], (bytes) => Buffer.concat([bytes, Buffer.from([0])]));
check("cloud_log_append", "call", "member", "founds none with a byte more", (world) =>
  world.as("mia", async (attempt) => {
    const team = teamOf(Buffer.from(longer.entry, "base64"));
    return says(await append(attempt, world, [longer], { team, listed: 0 }), "entry_unreadable");
  }),
);
check("cloud_log_append", "call", "member", "takes nothing back without saying what", (world) =>
  world.as("mia", async (attempt) => {
    const short = bent(said("mia", documents), (bytes) => bytes.subarray(0, 77 + 17 + 64));
    return says(await append(attempt, world, [short]), "entry_unreadable");
  }),
);
/** The body's end changes, its header does not. */
function tail(bytes: Buffer, change: (rest: Buffer) => Buffer | undefined): Buffer {
  const [header, rest] = [bytes.subarray(0, 77), bytes.subarray(77)];
  return Buffer.concat([header, change(rest) ?? rest]);
}

const setByte = (at: number, value: number) => (bytes: Buffer) => void bytes.writeUInt8(value, at);
const DAY_MS = 24 * 60 * 60 * 1000;
for (const [name, item, good] of [
  ["of another version", bent(rename, setByte(0, 2)), saying("entry_unreadable")],
  ["of no kind", bent(rename, setByte(1, 0)), saying("entry_unreadable")],
  ["of a kind to come", bent(rename, setByte(1, 12)), saying("entry_unreadable")],
  ["by an author of no kind", bent(rename, setByte(60, 3)), saying("entry_unreadable")],
  ["by an invite, but of another kind", bent(rename, setByte(60, 2)), saying("entry_unreadable")],
  ["that are no entry", { entry: "" }, saying("entry_unreadable")],
  [
    "that are too large",
    bent(rename, (bytes) => Buffer.concat([bytes, Buffer.alloc(128 * 1024)])),
    saying("entry_unreadable"),
  ],
  [
    "of another team",
    bent(rename, (bytes) => void bytes.fill(7, 2, 18)),
    saying("entry_misplaced"),
  ],
  [
    "of two days ago",
    said("mia", renaming(DEVICES.mia.id), {}, Date.now() - 1.1 * DAY_MS),
    saying("clock_off"),
  ],
  [
    "of tomorrow",
    said("mia", renaming(DEVICES.mia.id), {}, Date.now() + 1.1 * DAY_MS),
    saying("clock_off"),
  ],
] as const satisfies readonly (readonly [string, Item, (o: Outcome) => boolean])[])
  check("cloud_log_append", "call", "member", `appends no bytes ${name}`, (world) =>
    world.as("mia", async (attempt) => good(await append(attempt, world, [item]))),
  );

// By whom.

appending("not as another's device", ["mia", "adam"], renaming(DEVICES.adam.id), refused);
appending("not as one whose end has come", ["mia", "over"], renaming(DEVICES.over.id), refused);
appending(
  "as one whose end is to come, for itself",
  ["mia", "booth"],
  renaming(DEVICES.booth.id),
  done,
);
appending("but for no other", ["mia", "booth"], renaming(DEVICES.mia.id), refused);
appending("nothing else from paper", ["mia", "paper"], renaming(DEVICES.paper.id), refused);
appending(
  "and takes no rights with it",
  ["mia", "booth"],
  removal("device", DEVICES.mia.id),
  refused,
);
appending("but its own", ["mia", "booth"], removal("device", DEVICES.booth.id), done);
for (const [name, by, kind, account, good] of [
  ["adds an own device", "mia", "ordinary", IDS.mia, done],
  ["adds a recovery kit", "mia", "recovery", IDS.mia, done],
  ["adds no other's", "mia", "ordinary", IDS.adam, refused],
  ["adds one from paper", "paper", "ordinary", IDS.mia, done],
  ["adds no paper from paper", "paper", "recovery", IDS.mia, refused],
  ["adds none as one with an end", "booth", "ordinary", IDS.mia, refused],
] as const)
  check("cloud_log_append", "call", "member", name, (world) =>
    world.as("mia", async (attempt) => {
      const added = addDevice(TEAM, byDevice(DEVICES[by]), { device: fresh, account, kind });
      return good(await append(attempt, world, [{ entry: base64(added) }]));
    }),
  );
for (const [name, taken] of [
  ["a device that is there", "adam"],
  ["a device that was", "rita"],
] as const)
  check("cloud_log_append", "call", "member", `does not add ${name}`, (world) =>
    world.as("mia", async (attempt) => {
      const again = { device: DEVICES[taken], account: IDS.mia };
      const added = addDevice(TEAM, byDevice(DEVICES.mia), again);
      return says(await append(attempt, world, [{ entry: base64(added) }]), "device_taken");
    }),
  );
const lateBox = base64(Buffer.from("late box"));
const lateDevice = () => ({
  entry: base64(addDevice(TEAM, byDevice(DEVICES.mia), { device: fresh, account: IDS.mia })),
  box: lateBox,
});
for (const [name, items, boxes] of [
  ["beside the newest epoch", () => [lateDevice()], [null, lateBox]],
  [
    "beside each that it may be of",
    (world: World) => [...byMember(world), lateDevice()],
    [null, lateBox, lateBox],
  ],
] as const)
  appended(
    `keeps the box of a device that is added, ${name}`,
    "mia",
    items,
    "mia",
    async (attempt) =>
      isDeepStrictEqual(
        kept(await attempt("select public.cloud_epochs($1, $2) as kept", [TEAM, fresh.id])).map(
          ({ box }) => box,
        ),
        boxes,
      ),
  );

// Invites.

const invites = (by: "olga" | "adam" | "mia", name: string, admits: "own" | "admin" | "member") =>
  invite(TEAM, DEVICES[by], name, admits, admits === "own" ? null : email("stan"));
for (const [who, admits, good] of [
  ["olga", "admin", done],
  ["adam", "member", done],
  ["adam", "admin", refused],
  ["mia", "member", refused],
  ["mia", "own", done],
] as const)
  check("cloud_log_append", "call", "member", `${who} invites: ${admits}`, (world) =>
    world.as(who, async (attempt) =>
      good(await append(attempt, world, [invites(who, "new", admits)])),
    ),
  );
check("cloud_log_append", "call", "member", "invites nobody without what is kept of it", (world) =>
  world.as("olga", async (attempt) =>
    refused(
      await append(attempt, world, [{ entry: invites("olga", "new", "admin").entry }]),
      "23502",
    ),
  ),
);
check(
  "cloud_log_append",
  "call",
  "member",
  "an invite is for an address, or for own devices",
  (world) =>
    world.as("olga", async (attempt) => {
      const { entry: text, invite: anybody } = invites("olga", "new", "own");
      const { invite: somebody } = invites("olga", "new", "member");
      const others = [
        { ...invites("olga", "new", "member"), invite: anybody },
        { entry: text, invite: somebody },
      ];
      for (const item of others)
        if (!refused(await append(attempt, world, [item as Item]), "23514")) return false;
      return true;
    }),
);
appended(
  "an invite lasts no longer than the server says",
  "olga",
  () => [invite(TEAM, DEVICES.olga, "long", "member", email("stan"), Date.now() + 300 * DAY_MS)],
  "stan",
  async (attempt) => {
    await present(attempt, "long");
    return given(
      await attempt(
        "select from public.cloud_invites where expires_at < now() + interval '31 days'",
      ),
    );
  },
);
for (const [name, who, by, of, good] of [
  ["takes back her own invite", "mia", "mia", "mia's own", done],
  ["takes back nobody else's", "mia", "mia", "nina", refused],
  ["an admin takes back an owner's", "adam", "adam", "nina", done],
  ["not one that there is not", "olga", "olga", "never", refused],
] as const)
  appending(name, [who, by], { kind: "revoke-invite", invite: inviteOf(of) }, good);
appended(
  "what was taken back opens nothing",
  "mia",
  () => [said("mia", { kind: "revoke-invite", invite: inviteOf("mia's own") })],
  "mia",
  async (attempt) =>
    says(await attempt(openInvite, [TEAM, base64(proof("mia's own"))]), "invite_unknown"),
);

const joining = (
  name: string,
  [who, asking]: readonly [who: Person, asking: string],
  good: (outcome: Outcome) => boolean,
  added: Partial<Parameters<typeof join>[2]> = {},
  change: (item: Item) => Item = (item) => item,
) =>
  check("cloud_log_append", "call", "stranger", `${who} ${name}`, (world) =>
    world.as(who, async (attempt) => {
      const item = join(TEAM, asking, { device: fresh, account: IDS[who], ...added });
      return good(await append(attempt, world, [change(item)]));
    }),
  );
joining("joins with the invite made for her", ["nina", "nina"], done);
joining("not with another's", ["stan", "nina"], saying("invite_for_another_account"));
joining("not with a member's own", ["nina", "mia's own"], saying("invite_for_another_account"));
joining("not with one that is too old", ["nina", "old"], saying("invite_expired"));
joining("not in another's name", ["nina", "nina"], refused, { account: IDS.stan });
joining("not for a while", ["nina", "nina"], refused, {
  kind: "ephemeral",
  expiresMs: Date.now() + DAY_MS,
});
joining("not on paper", ["nina", "nina"], refused, { kind: "recovery" });
joining(
  "not by one invite with the proof of another",
  ["nina", "by adam"],
  refused,
  {},
  (item) => ({
    ...item,
    proof: base64(proof("nina")),
  }),
);
joining("not with an entry of an own device", ["nina", "nina"], refused, {}, (item) => ({
  ...item,
  entry: base64(addDevice(TEAM, byDevice(DEVICES.mia), { device: fresh, account: IDS.nina })),
}));
joining("does not join twice", ["mia", "mia again"], refused);
joining("adds an own device", ["mia", "mia's own"], done);
joining("adds one with an end", ["mia", "mia's own"], done, {
  kind: "ephemeral",
  expiresMs: Date.now() + DAY_MS,
});
joining("adds no paper", ["mia", "mia's own"], refused, { kind: "recovery" });
joining("not with an own one that is too old", ["mia", "mia's old"], saying("invite_expired"));
check("cloud_log_append", "call", "stranger", "not when the inviter may no longer", (world) =>
  world.mutated(
    `update public.cloud_members set role = 'member' where user_id = '${IDS.adam}'`,
    () =>
      world.as("nina", async (attempt) =>
        says(
          await append(attempt, world, [
            join(TEAM, "by adam", { device: fresh, account: IDS.nina }),
          ]),
          "invite_unknown",
        ),
      ),
  ),
);
appended(
  "an invite is used once, and makes the member that it says",
  "nina",
  () => [join(TEAM, "nina", { device: fresh, account: IDS.nina })],
  "nina",
  async (attempt) =>
    says(await attempt(openInvite, [TEAM, base64(proof("nina"))]), "invite_unknown") &&
    given(
      await attempt(
        "select from public.cloud_members where user_id = auth.uid() and role = 'member' and team_id = $1",
        [TEAM],
      ),
    ) &&
    given(await attempt("select from public.cloud_rows")),
);

// Roles, access, names.

const role = (of: Person, to: "owner" | "admin" | "member"): Body => ({
  kind: "role",
  member: memberOf(IDS[of]),
  role: to,
});
appending("an owner gives a role", ["olga", "olga"], role("mia", "admin"), done);
appending("an admin gives none", ["adam", "adam"], role("mia", "admin"), refused);
appending("nobody gets one who is no member", ["olga", "olga"], role("stan", "admin"), refused);
appending("an owner remains", ["olga", "olga"], role("olga", "admin"), saying("owner_missing"));
appended(
  "a role is one from then on",
  "olga",
  () => [said("olga", role("mia", "admin"))],
  "mia",
  async (attempt, world) =>
    did(
      await append(attempt, world, [invites("mia", "new", "member")], { listed: world.listed + 1 }),
    ),
);
const access =
  (members: readonly string[] | null): Bodied =>
  ({ project }) => ({
    kind: "project-access",
    project: memberOf(project),
    members,
  });
appending("an admin says who sees a project", ["adam", "adam"], access(named.slice(0, 2)), done);
appending("a member does not", ["mia", "mia"], access(null), refused);
appended(
  "who is not named sees nothing of the project, its rows are brought to nobody, and pulled by who is",
  "adam",
  (world) => [said("adam", bodyIn(world, access(named.slice(0, 2))))],
  "mia",
  async (attempt, world) =>
    page(await attempt(pull, [TEAM]))?.heads.length === world.heads.length - 1 &&
    says(
      await attempt(push, [
        TEAM,
        world.project,
        rowsOf(written({ device: deviceOf("mia"), project: world.project })),
      ]),
      "not_a_member",
    ),
);
appended(
  "and everybody again",
  "adam",
  (world) => [
    said("adam", bodyIn(world, access(named.slice(0, 2)))),
    said("adam", bodyIn(world, access(null))),
  ],
  "mia",
  async (attempt, world) => page(await attempt(pull, [TEAM]))?.heads.length === world.heads.length,
);
appending("renames her device", ["mia", "mia"], renaming(DEVICES.mia.id), done);
appending("renames no other's", ["olga", "olga"], renaming(DEVICES.mia.id), refused);
appending("nor one that there is not", ["olga", "olga"], renaming(DEVICES.rita.id), refused);

// Removal.

for (const [who, of, good] of [
  ["olga", "adam", done],
  ["adam", "mia", done],
  ["mia", "mia", done],
  ["adam", "olga", refused],
  ["mia", "adam", refused],
  ["olga", "rita", done],
  ["adam", "rita", refused],
  ["mia", "rita", refused],
  ["olga", "olga", saying("owner_missing")],
] as const)
  appending(`${who} removes ${of}`, [who, who], removal("member", memberOf(IDS[of])), good);
for (const [who, of, good] of [
  ["olga", "adam", done],
  ["adam", "mia", done],
  ["adam", "olga", refused],
  ["mia", "paper", done],
  ["mia", "adam", refused],
  ["olga", "rita", done],
  ["adam", "rita", refused],
  ["mia", "rita", refused],
  ["olga", "olga", saying("owner_missing")],
] as const)
  appending(`${who} removes ${of}'s device`, [who, who], removal("device", DEVICES[of].id), good);
check(
  "cloud_log_append",
  "call",
  "member",
  "anybody removes a device whose end has come",
  (world) =>
    world.mutated(
      `update public.cloud_devices set user_id = '${IDS.adam}' where kind = 'ephemeral'`,
      () =>
        world.as("mia", async (attempt) => {
          const over = said("mia", bodyIn(world, removal("device", DEVICES.over.id)));
          const booth = said("mia", bodyIn(world, removal("device", DEVICES.booth.id)));
          return (
            refused(await append(attempt, world, [booth])) &&
            done(await append(attempt, world, [over]))
          );
        }),
    ),
);
const first = (all: World["heads"]) => all.map((head) => ({ ...head, n: 0, h: Buffer.alloc(32) }));
const fenced =
  (what: "member" | "device", of: Person, bend: (all: World["heads"]) => World["heads"]): Bodied =>
  (world) => {
    const places = fences(bend(world.heads));
    return what === "member"
      ? { kind: "remove-member", member: memberOf(IDS[of]), fences: places }
      : { kind: "remove-device", device: DEVICES[of].id, fences: places };
  };
for (const what of ["member", "device"] as const) {
  for (const [name, bend] of [
    [
      "without one of a stream in which they wrote",
      (all: World["heads"]) => all.filter(({ n }) => n === 0),
    ],
    ["without any", () => []],
    [
      "of a stream that there is not",
      (all: World["heads"]) => all.with(0, { ...all[0], project: IDS.mia } as never),
    ],
    ["of another hash", (all: World["heads"]) => all.map((head) => ({ ...head, h: sha256("h") }))],
    [
      "of a start with another hash",
      (all: World["heads"]) => first(all).map((head) => ({ ...head, h: sha256("h") })),
    ],
    ["of rows to come", (all: World["heads"]) => all.map((head) => ({ ...head, n: head.n + 1 }))],
  ] as const)
    appending(
      `no ${what} is removed with fences ${name}`,
      ["olga", "olga"],
      fenced(what, "mia", bend),
      tooLate("fence_stale"),
    );
  appending(
    `whoever wrote nothing is removed without fences (${what})`,
    ["olga", "olga"],
    fenced(what, "adam", () => []),
    done,
  );
  appending(
    `nor with fences that rows of that ${what} lie behind`,
    ["adam", "adam"],
    fenced(what, "mia", first),
    tooLate("fence_stale"),
  );
  appending(
    `others' rows may lie behind them (${what})`,
    ["olga", "olga"],
    fenced(what, "adam", first),
    done,
  );
  // A removal that came too late, and what whom it is about can do then.
  for (const [name, by, of, listed, stops] of [
    ["whoever is being removed writes nothing until it comes through", "olga", "mia", 0, true],
    ["when others appended first, too", "olga", "mia", -1, true],
    ["and others do", "olga", "adam", -1, false],
    ["nor is anybody stopped by who may not remove them", "adam", "olga", -1, false],
    ["nor by a removal of themselves", "mia", "mia", -1, false],
  ] as const)
    check("cloud_log_append", "call", "member", `${name} (${what})`, (world) =>
      world.as(by, async (attempt, become) => {
        const item = said(
          by,
          bodyIn(
            world,
            fenced(what, of, () => []),
          ),
        );
        const before = await append(attempt, world, [item], { listed: world.listed + listed });
        if (!tooLate(listed === 0 ? "fence_stale" : "log_moved")(before)) return false;
        const who = of === "adam" ? "mia" : of;
        await become(who);
        const wrote = await attempt(push, [
          TEAM,
          null,
          rowsOf(written({ device: deviceOf(who), replica: "held" })),
        ]);
        const appends = await append(attempt, world, [said(who, renaming(DEVICES[who].id))]);
        return stops ? refused(wrote) && refused(appends) : did(wrote) && done(appends);
      }),
    );
}
check(
  "cloud_log_append",
  "call",
  "member",
  "whoever was not removed after all writes again",
  (world) =>
    world.mutated(
      `update public.cloud_members set held_until = now() where user_id = '${IDS.mia}';
     update public.cloud_devices set held_until = now() where user_id = '${IDS.mia}'`,
      () => world.as("mia", async (attempt) => done(await append(attempt, world, [rename]))),
    ),
);
appended(
  "a member who was removed reads and writes nothing",
  "adam",
  (world) => [said("adam", bodyIn(world, removal("member", memberOf(IDS.mia))))],
  "mia",
  async (attempt, world) => {
    for (const [table, condition] of Object.entries(OF_TEAM))
      if (!nothing(await attempt(`select from public.${table} where ${condition}`))) return false;
    return (
      says(await append(attempt, world, [rename], { listed: world.listed + 1 }), "not_a_member") &&
      says(await attempt(pull, [TEAM]), "not_a_member") &&
      says(await attempt(openInvite, [TEAM, base64(proof("mia's own"))]), "invite_unknown")
    );
  },
);
appended(
  "who comes back is not named for the projects of before",
  "olga",
  (world) => [said("olga", bodyIn(world, removal("member", memberOf(IDS.mia))))],
  "olga",
  async (attempt, world) =>
    given(
      await attempt(
        "select from public.cloud_projects where id = $1 and not auth.uid() <> all (seen_by) and array_length(seen_by, 1) = 1",
        [world.ours],
      ),
    ),
);
appended(
  "a device that was removed writes nothing, the member's others do",
  "adam",
  (world) => [said("adam", bodyIn(world, removal("device", DEVICES.mia.id)))],
  "mia",
  async (attempt) =>
    refused(await attempt(push, [TEAM, null, rowsOf(written({ device: deviceOf("mia") }))])) &&
    did(await attempt(push, [TEAM, null, rowsOf(written({ device: deviceOf("booth") }))])),
);
for (const what of ["member", "device", "epoch"] as const)
  appended(
    `open invites end (${what})`,
    "olga",
    (world) => [
      what === "epoch"
        ? epoch(TEAM, DEVICES.olga, EPOCH + 1, [DEVICES.olga.id])
        : said(
            "olga",
            bodyIn(world, removal(what, what === "member" ? memberOf(IDS.adam) : DEVICES.adam.id)),
          ),
    ],
    "nina",
    async (attempt) =>
      says(await attempt(openInvite, [TEAM, base64(proof("nina"))]), "invite_unknown"),
  );

// Epochs.

const next = (by: "adam" | "mia" | "booth", number = EPOCH + 1, former = number - 1) =>
  epoch(TEAM, DEVICES[by], number, [DEVICES.olga.id, DEVICES.mia.id], former);
for (const [name, who, items, good] of [
  ["an admin begins the next epoch", "adam", () => [next("adam")], done],
  ["one that was there again", "adam", () => [next("adam", 1)], done],
  ["none without a number", "adam", () => [next("adam", 0, 1)], saying("epoch_incomplete")],
  ["none far ahead", "adam", () => [next("adam", EPOCH + 2)], saying("epoch_incomplete")],
  ["a member begins none", "mia", () => [next("mia")], refused],
  [
    "a member begins one after a removal",
    "mia",
    (world: World) => [
      said("mia", bodyIn(world, removal("device", DEVICES.paper.id))),
      next("booth"),
    ],
    done,
  ],
  [
    "and the next, for devices may leave the first one out",
    "mia",
    (world: World) => [
      said("mia", bodyIn(world, removal("device", DEVICES.paper.id))),
      next("booth"),
      next("mia", EPOCH + 2),
    ],
    done,
  ],
] as const)
  check("cloud_log_append", "call", "member", name, (world) =>
    world.as(who, async (attempt) => good(await append(attempt, world, items(world)))),
  );
const box = base64(Buffer.from("box"));
for (const [name, change] of [
  ["without a box for all", { boxes: { [DEVICES.mia.id]: box } }],
  [
    "with a box for somebody else",
    {
      boxes: Object.fromEntries(
        [DEVICES.olga.id, DEVICES.mia.id, DEVICES.adam.id].map((id) => [id, box]),
      ),
    },
  ],
  ["without a key record", { key_record: null }],
  ["without the former epoch's key", { record: null }],
] as const)
  check("cloud_log_append", "call", "member", `begins no epoch ${name}`, (world) =>
    world.as("adam", async (attempt) => {
      const item = next("adam");
      const bad = { ...item, epoch: { ...item.epoch, ...change } } as Item;
      return says(await append(attempt, world, [bad]), "epoch_incomplete");
    }),
  );
check("cloud_log_append", "call", "member", "begins no epoch with nothing beside it", (world) =>
  world.as("adam", async (attempt) =>
    says(await append(attempt, world, [{ entry: next("adam").entry }]), "epoch_incomplete"),
  ),
);
/** Mia's device goes, and mia lists the next epoch; whether devices take these entries the server does not know. */
const byMember = (world: World) => [
  said("mia", bodyIn(world, removal("device", DEVICES.paper.id))),
  next("mia"),
];
const writesIn = (attempt: Try, number: number) =>
  attempt(push, [
    TEAM,
    null,
    rowsOf(row({ device: deviceOf("adam"), epoch: number, replica: `in ${number}` })),
  ]);
appended(
  "a member's epoch stands beside the one before",
  "mia",
  byMember,
  "adam",
  async (attempt) =>
    did(await writesIn(attempt, EPOCH)) &&
    says(await writesIn(attempt, 1), "stale_epoch") &&
    says(await writesIn(attempt, EPOCH + 2), "stale_epoch"),
);
appended("and is written in", "mia", byMember, "adam", async (attempt) =>
  did(await writesIn(attempt, EPOCH + 1)),
);
for (const [name, who] of [
  ["an epoch by who leads closes those before", "adam"],
  ["after it a member begins none", "mia"],
] as const)
  appended(name, "mia", byMember, "adam", async (attempt, world) => {
    const listed = world.listed + 2;
    if (!done(await append(attempt, world, [next("adam")], { listed }))) return false;
    if (who === "adam")
      return (
        says(await writesIn(attempt, EPOCH), "stale_epoch") &&
        did(await writesIn(attempt, EPOCH + 1))
      );
    const more = { listed: listed + 1 };
    return refused(await append(attempt, world, [next("mia", EPOCH + 2)], more));
  });
appended(
  "the newest entry's epoch is the one that rows are written in",
  "adam",
  () => [next("adam"), next("adam", 1)],
  "mia",
  async (attempt) => {
    const writes = async (number: number) =>
      attempt(push, [TEAM, null, rowsOf(row({ device: deviceOf("mia"), epoch: number, seq: 9 }))]);
    return (
      says(await writes(EPOCH), "stale_epoch") &&
      says(await writes(EPOCH + 1), "stale_epoch") &&
      did(await writes(1))
    );
  },
);

// Retirement.

for (const [name, who, scope, good] of [
  ["takes back documents", "mia", documents.scope, done],
  ["takes back her own", "mia", { what: "member", member: memberOf(IDS.mia), fences: [] }, done],
  ["not another's", "mia", { what: "member", member: memberOf(IDS.adam), fences: [] }, refused],
  [
    "an admin takes back a member's",
    "adam",
    { what: "member", member: memberOf(IDS.mia), fences: [] },
    done,
  ],
  [
    "no project",
    "mia",
    { what: "project", fence: { stream: "0".repeat(32), n: 1, h: new Uint8Array(32) } },
    refused,
  ],
] as const)
  appending(name, [who, who], { kind: "retire", why: "leaving", scope }, good);

// What is read of it.

const readLog = "select public.cloud_log_read($1, $2) as log";
const log = (outcome: Outcome) =>
  outcome.rows?.[0]?.["log"] as { listed: number; entries: string[] } | undefined;
check("cloud_log_read", "call", "member", "reads what is listed", (world) =>
  world.as("mia", async (attempt) => {
    const whole = log(await attempt(readLog, [TEAM, 0]));
    const rest = log(await attempt(readLog, [TEAM, 3]));
    return (
      whole?.listed === world.listed &&
      whole.entries.length === world.listed &&
      rest?.listed === world.listed &&
      JSON.stringify(rest.entries) === JSON.stringify(whole.entries.slice(3))
    );
  }),
);
stranger("cloud_log_read", "call", "is refused", (who) =>
  one(who, readLog, () => [TEAM, 0], saying("not_a_member")),
);
interface KeptEpoch {
  readonly entry: string;
  readonly record: string | null;
  readonly key_record: string;
  readonly box: string | null;
}
const kept = (outcome: Outcome) => (outcome.rows?.[0]?.["kept"] ?? []) as readonly KeptEpoch[];
const epochs = "select public.cloud_epochs($1, $2) as kept";
const text = (value: string) => base64(Buffer.from(value));
check(
  "cloud_epochs",
  "call",
  "member",
  "reads what stands beside each epoch, and her box",
  (world) =>
    world.as("mia", async (attempt) => {
      const [first, second] = kept(await attempt(epochs, [TEAM, DEVICES.mia.id]));
      return (
        JSON.stringify([first?.record, first?.key_record, first?.box]) ===
          JSON.stringify([null, text("key record 1"), null]) &&
        JSON.stringify([second?.record, second?.key_record, second?.box]) ===
          JSON.stringify([
            text("record 2"),
            text("key record 2"),
            text(`box 2 for ${DEVICES.mia.id}`),
          ])
      );
    }),
);
check("cloud_epochs", "call", "member", "and nobody else's", (world) =>
  world.as("mia", async (attempt) =>
    kept(await attempt(epochs, [TEAM, DEVICES.olga.id])).every((each) => each.box === null),
  ),
);
stranger("cloud_epochs", "call", "is refused", (who) =>
  one(who, epochs, () => [TEAM, DEVICES[who].id], saying("not_a_member")),
);
const putKeyRecord = `select public.cloud_key_record_put($1,
  (select translate(encode(hash, 'base64'), E'\n', '') from public.cloud_log where team_id = $1 and kind = $2 order by place limit 1), $3)`;
for (const [who, kind, good] of [
  ["olga", "epoch", did],
  ["adam", "epoch", did],
  ["mia", "epoch", refused],
  ["olga", "create", refused],
] as const)
  check(
    "cloud_key_record_put",
    "call",
    "member",
    `${who} replaces what the passphrase opens, beside an entry of kind ${kind}`,
    one(who, putKeyRecord, () => [TEAM, kind, text("another")], good),
  );
stranger("cloud_key_record_put", "call", "is refused", (who) =>
  one(who, putKeyRecord, () => [TEAM, "epoch", text("another")], refused),
);
check("cloud_key_record_put", "call", "stranger", "is refused with the entry's hash too", (world) =>
  world.as("adam", async (attempt, become) => {
    const entries = kept(await attempt(epochs, [TEAM, DEVICES.adam.id]));
    await become("stan");
    return refused(
      await attempt("select public.cloud_key_record_put($1, $2, $3)", [
        TEAM,
        entries[0]?.entry,
        text("another"),
      ]),
    );
  }),
);

const openInvite = "select public.cloud_invite_open($1, $2) as invite";
const opened = (outcome: Outcome) =>
  outcome.rows?.[0]?.["invite"] as
    | { readonly bundle: string; readonly log: string[]; readonly epochs: readonly KeptEpoch[] }
    | undefined;
for (const [kind, who, of] of [
  ["member", "mia", "mia's own"],
  ["member", "mia", "mia again"],
  ["stranger", "nina", "nina"],
] as const)
  check(
    "cloud_invite_open",
    "call",
    kind,
    `${who} reads all that joining takes, with ${of}`,
    (world) =>
      world.as(who, async (attempt) => {
        const all = opened(await attempt(openInvite, [TEAM, base64(proof(of))]));
        return (
          all?.bundle === text(`bundle ${of}`) &&
          all.log.length === world.listed &&
          all.epochs.length === 2 &&
          all.epochs[1]?.key_record === text("key record 2")
        );
      }),
  );
for (const [name, who, of, word] of [
  ["is told that it is another's", "stan", "nina", "invite_for_another_account"],
  ["is told that it is a member's own", "stan", "mia's own", "invite_for_another_account"],
  ["is told that it is unknown", "stan", "never", "invite_unknown"],
  ["is told that it is too old", "nina", "old", "invite_expired"],
  ["is told nothing of an account's address", "rita", "nina", "invite_for_another_account"],
] as const)
  check(
    "cloud_invite_open",
    "call",
    "stranger",
    name,
    one(who, openInvite, () => [TEAM, base64(proof(of))], saying(word)),
  );
check(
  "cloud_invite_open",
  "call",
  "member",
  "is told that her own is too old",
  one("mia", openInvite, () => [TEAM, base64(proof("mia's old"))], saying("invite_expired")),
);
check(
  "cloud_invite_open",
  "call",
  "stranger",
  "opens no other team with it",
  one("nina", openInvite, () => [OTHER_TEAM, base64(proof("nina"))], saying("invite_unknown")),
);

const readHeads = "select public.cloud_heads($1) as heads";
for (const who of ["mia", "adam"] as const)
  check("cloud_heads", "call", "member", `${who} reads those of all streams`, (world) =>
    world.as(who, async (attempt) => {
      const { rows } = await attempt(readHeads, [TEAM]);
      const heads = rows?.[0]?.["heads"] as readonly [string | null, number, string][];
      const known = ({ project, n, h }: HeadRow) =>
        heads.some((head) => JSON.stringify(head) === JSON.stringify([project, n, base64(h)]));
      return heads.length === world.heads.length && world.heads.every(known);
    }),
  );
stranger("cloud_heads", "call", "is refused", (who) =>
  one(who, readHeads, () => [TEAM], saying("not_a_member")),
);
const createProject = "select public.cloud_project_create($1)";
check("cloud_project_create", "call", "member", "makes one, with its stream", (world) =>
  world.as("mia", async (attempt) => {
    await attempt(createProject, [TEAM]);
    return (await count(attempt, "cloud_streams")) === 4;
  }),
);
for (const [name, projects] of [
  ["not more than a team has", "gen_random_uuid() from generate_series(1, 998)"],
  ["nor many of one's own", `'${IDS.mia}'::uuid from generate_series(1, 248)`],
] as const)
  check("cloud_project_create", "call", "member", name, (world) =>
    world.mutated(
      `alter table public.cloud_projects disable trigger found_project;
       insert into public.cloud_projects (team_id, created_by) select '${TEAM}', ${projects};
       alter table public.cloud_projects enable trigger found_project`,
      () =>
        world.as("mia", async (attempt) =>
          saying("too_many_projects")(await attempt(createProject, [TEAM])),
        ),
    ),
  );
stranger("cloud_project_create", "call", "is refused", (who) =>
  one(who, createProject, () => [TEAM], refused),
);

const push = "select public.cloud_push($1, $2, $3) as answers";
const answers = (outcome: Outcome) =>
  outcome.rows?.[0]?.["answers"] as { n?: number; h?: string; conflict?: boolean }[] | undefined;
const rowsOf = (...rows: Buffer[]) => JSON.stringify(rows.map((bytes) => base64(bytes)));
check(
  "cloud_push",
  "call",
  "member",
  "appends to a project's stream",
  one(
    "mia",
    push,
    ({ project }) => [TEAM, project, rowsOf(written({ device: deviceOf("mia"), project }))],
    (o) => answers(o)?.[0]?.n === 2,
  ),
);
check(
  "cloud_push",
  "call",
  "member",
  "is refused as another's device",
  one("mia", push, () => [TEAM, null, rowsOf(written({ device: deviceOf("adam") }))], refused),
);
for (const [name, parts, word] of [
  ["in an epoch that was", { epoch: 1 }, "stale_epoch"],
  ["in an epoch to come", { epoch: EPOCH + 1 }, "stale_epoch"],
  ["of another team", { team: OTHER_TEAM }, "row_misplaced"],
] as const)
  check(
    "cloud_push",
    "call",
    "member",
    `writes no row ${name}`,
    one(
      "mia",
      push,
      () => [TEAM, null, rowsOf(written({ device: deviceOf("mia"), ...parts }))],
      saying(word),
    ),
  );
check(
  "cloud_push",
  "call",
  "member",
  "writes no more rows at once than devices send",
  one(
    "mia",
    push,
    () => [TEAM, null, JSON.stringify(Array.from({ length: 2501 }, () => ""))],
    saying("too_many_rows"),
  ),
);
check(
  "cloud_pull",
  "call",
  "member",
  "asks with no more cursors than are looked through",
  (world) =>
    world.as("mia", async (attempt) => {
      const asked = "select public.cloud_pull($1, $2, 100) as page";
      const asking = (count: number) =>
        attempt(asked, [TEAM, JSON.stringify(Array.from({ length: count }, () => [null, 0]))]);
      return did(await asking(10_000)) && says(await asking(10_001), "too_many_cursors");
    }),
);
check(
  "cloud_push",
  "call",
  "member",
  "writes no bytes that are no row",
  one("mia", push, () => [TEAM, null, rowsOf(Buffer.from("no row"))], saying("row_unreadable")),
);
check(
  "cloud_push",
  "call",
  "member",
  "is refused where others are named",
  one(
    "adam",
    push,
    ({ ours }) => [TEAM, ours, rowsOf(written({ device: deviceOf("adam"), project: ours }))],
    saying("not_a_member"),
  ),
);
stranger("cloud_push", "call", "is refused in the team's stream", (who) =>
  one(
    who,
    push,
    () => [TEAM, null, rowsOf(written({ device: deviceOf(who) }))],
    saying("not_a_member"),
  ),
);
stranger("cloud_push", "call", "is refused in a project's stream", (who) =>
  one(
    who,
    push,
    ({ project }) => [TEAM, project, rowsOf(written({ device: deviceOf(who), project }))],
    saying("not_a_member"),
  ),
);
check(
  "cloud_push",
  "call",
  "stranger",
  "cannot name another team's project under his own team",
  one(
    "stan",
    push,
    ({ project }) => [
      OTHER_TEAM,
      project,
      rowsOf(row({ team: OTHER_TEAM, device: deviceOf("stan"), project })),
    ],
    saying("not_a_member"),
  ),
);

const pull = "select public.cloud_pull($1, '[]', 100) as page";
const page = (outcome: Outcome) =>
  outcome.rows?.[0]?.["page"] as { listed: number; rows: unknown[]; heads: unknown[] } | undefined;
for (const [who, streams] of [
  ["mia", 3],
  ["adam", 2],
] as const)
  check("cloud_pull", "call", "member", `${who} reads all streams that she or he may`, (world) =>
    world.as(who, async (attempt) => {
      const all = page(await attempt(pull, [TEAM]));
      return (
        all?.listed === world.listed &&
        all.rows.length === streams + 1 &&
        all.heads.length === streams
      );
    }),
  );
stranger("cloud_pull", "call", "is refused", (who) =>
  one(who, pull, () => [TEAM], saying("not_a_member")),
);

for (const name of [
  "cloud_log_append($1, 0, '[]')",
  "cloud_log_read($1, 0)",
  "cloud_heads($1)",
  "cloud_epochs($1, '')",
  "cloud_key_record_put($1, '', '')",
  "cloud_invite_open($1, '')",
  "cloud_project_create($1)",
  "cloud_push($1, null, '[]')",
  "cloud_pull($1, '[]', 1)",
])
  check(
    name.split("(", 1)[0] as string,
    "call",
    "anon",
    "is refused",
    one("anon", `select public.${name}`, () => [TEAM], refused),
  );

// The helpers that policies ask answer a stranger's questions with no.

const helper = (name: string, args: string) => `select operon.${name}(${args}) as answer`;
const answer = (outcome: Outcome) => outcome.rows?.[0]?.["answer"];
for (const [name, args, parameters, good] of [
  ["my_role", "$1", () => [TEAM], null],
  ["my_device", "$1, $2", () => [TEAM, deviceOf("mia")], null],
  ["may_write", "$1, $2", ({ stream }: World) => [stream, deviceOf("mia")], false],
  ["may_invite", "$1, 'own'", () => [null], false],
  ["presented_hash", "", () => [], null],
  ["presented_proof", "", () => [], null],
  ["listed", "$1", () => [TEAM], 0],
  ["entries", "$1, 0, null", () => [TEAM], []],
  ["epochs", "$1, $2", () => [TEAM, deviceOf("mia")], []],
] as const)
  stranger(`operon.${name}`, "call", "says nothing of the team", (who) =>
    one(
      who,
      helper(name, args),
      parameters as (world: World) => readonly unknown[],
      (o) => JSON.stringify(answer(o)) === JSON.stringify(good),
    ),
  );
for (const [name, known] of [
  ["my_teams", 1],
  ["my_streams", 1],
] as const)
  stranger(`operon.${name}`, "call", "knows only his own", (who) =>
    one(
      who,
      `select operon.${name}()`,
      () => [],
      (o) => o.rows?.length === (who === "stan" ? known : 0),
    ),
  );
check("operon.admitted", "call", "stranger", "is admitted nowhere", (world) =>
  world.as("stan", async (attempt) => {
    await present(attempt, "nina");
    return nothing(await attempt("select operon.admitted()"));
  }),
);
check("operon.invite_is_mine", "call", "stranger", "is not his", (world) =>
  world.as("stan", async (attempt) => {
    await present(attempt, "nina");
    const asked = await attempt(
      "select operon.invite_is_mine(i) as answer from public.cloud_invites i",
    );
    return answer(asked) === false;
  }),
);
check("operon.inviter_may_still", "call", "stranger", "tells of the invite at hand", (world) =>
  world.as("stan", async (attempt) => {
    await present(attempt, "nina");
    const asked = await attempt(
      "select operon.inviter_may_still(i) as answer from public.cloud_invites i",
    );
    return answer(asked) === true;
  }),
);
check(
  "operon.present",
  "call",
  "stranger",
  "opens nothing",
  one(
    "stan",
    helper("present", "$1, $2"),
    () => [TEAM, proof("nina")],
    saying("invite_for_another_account"),
  ),
);
stranger("operon.append", "call", "appends nothing", (who) =>
  one(who, helper("append", "$1, 0, '[]'"), () => [TEAM], saying("not_a_member")),
);
check(
  "operon.base64",
  "call",
  "stranger",
  "has no newlines",
  one(
    "stan",
    helper("base64", "$1"),
    () => [Buffer.alloc(300, 7)],
    (o) => answer(o) === base64(Buffer.alloc(300, 7)),
  ),
);

// What the database says on the team's channel.

interface Sent {
  readonly topic: string;
  readonly event: string;
  readonly payload: { readonly row?: string; readonly listed?: number };
}
const RECORDED = `create table public.sent (topic text, event text, payload jsonb);
  create or replace function realtime.send(payload jsonb, event text, topic text, private boolean default true) returns void
    language sql as $$ insert into public.sent values (topic, event, payload) $$;
  grant insert on public.sent to authenticated;`;
const sentBy = (
  world: World,
  who: Person,
  work: (attempt: Try) => Promise<unknown>,
): Promise<readonly Sent[]> =>
  world.mutated(RECORDED, () =>
    world.as(who, async (attempt) => {
      await work(attempt);
      await attempt("reset role");
      return ((await attempt("select * from public.sent")).rows ?? []) as unknown as Sent[];
    }),
  );
const topics = (sent: readonly Sent[]) =>
  sent.map(({ topic, event }) => `${event} ${topic}`).join();
check("operon.poke", "call", "stranger", "says nothing about another's stream", async (world) => {
  const poke = (attempt: Try) => attempt("select operon.poke($1)", [world.stream]);
  return (
    topics(await sentBy(world, "mia", poke)) === `poke team:${TEAM}:${EPOCH}` &&
    topics(await sentBy(world, "stan", poke)) === ""
  );
});
check("operon.poke", "call", "member", "brings no row of what only some may see", async (world) => {
  const pushing = (project: string | null) =>
    sentBy(world, "mia", (attempt) =>
      attempt(push, [TEAM, project, rowsOf(written({ device: deviceOf("mia"), project }))]),
    );
  const brought = async (project: string | null) =>
    (await pushing(project)).map(({ payload }) => payload.row !== undefined).join();
  return (await brought(world.ours)) === "false" && (await brought(world.project)) === "true";
});
check(
  "operon.append",
  "call",
  "member",
  "tells of the log where the epoch was and is",
  async (world) => {
    const sent = async (...items: Item[]) =>
      topics(await sentBy(world, "adam", (attempt) => append(attempt, world, items)));
    const before = `log team:${TEAM}:${EPOCH}`;
    const beside = topics(
      await sentBy(world, "mia", (attempt) => append(attempt, world, byMember(world))),
    );
    return (
      beside === `${before},log team:${TEAM}:${EPOCH + 1}` &&
      (await sent(said("adam", renaming(DEVICES.adam.id)))) === before &&
      (await sent(next("adam"))) === `${before},log team:${TEAM}:${EPOCH + 1}`
    );
  },
);

// The private channel.

for (const number of [1, EPOCH, 99])
  check("realtime.messages", "select", "member", `hears the team in epoch ${number}`, (world) =>
    world.hears("mia", `team:${TEAM}:${number}`),
  );
check("realtime.messages", "select", "member", "hears no topic of another kind", async (world) => {
  const strange = [TEAM, `team:${TEAM}`, `team:${TEAM}:`, `team:${TEAM}:2x`, `x:${TEAM}:2`];
  for (const topic of [...strange, `team:${TEAM}:2:2`, `team:${OTHER_TEAM}:1`])
    if (await world.hears("mia", topic)) return false;
  return true;
});
for (const who of [...STRANGERS, "anon"] as const)
  check(
    "realtime.messages",
    "select",
    who === "anon" ? "anon" : "stranger",
    `(${who}) does not hear the team`,
    async (world) =>
      !(await world.hears(who, `team:${TEAM}:${EPOCH}`)) &&
      !(await world.hears(who, `team:${TEAM}:1`)),
  );
for (const who of ["mia", ...STRANGERS, "anon"] as const)
  check(
    "realtime.messages",
    "insert",
    who === "mia" ? "member" : who === "anon" ? "anon" : "stranger",
    `(${who}) cannot speak to the team`,
    async (world) => !(await world.speaks(who, `team:${TEAM}:${EPOCH}`)),
  );

// The channels of streams.

const TAG = "0123456789abcdef0123456789abcdef";
const channels = (world: World) => [
  `stream:${TEAM}::${TAG}`,
  `stream:${TEAM}:${world.project}:${TAG}`,
];

for (const [action, what] of [
  ["hears", "select"],
  ["speaks", "insert"],
] as const) {
  check("realtime.messages", what, "member", `${action} on the team's streams`, async (world) => {
    for (const channel of channels(world)) if (!(await world[action]("mia", channel))) return false;
    return true;
  });
  check(
    "realtime.messages",
    what,
    "member",
    `${action} on no channel that is of no stream of the team`,
    async (world) => {
      const [team, project] = channels(world) as [string, string];
      const strange = [
        `stream:${TEAM}:${TEAM}:${TAG}`,
        `stream:${TEAM}:${TAG}`,
        `stream:${OTHER_TEAM}::${TAG}`,
        `${team}0`,
        `x${project}`,
        project.replace(TAG, "A tag in other words than hex dig"),
      ];
      for (const channel of strange) if (await world[action]("mia", channel)) return false;
      return true;
    },
  );
  check(
    "realtime.messages",
    what,
    "member",
    `${action} on no stream that others are named for`,
    async (world) => {
      const channel = `stream:${TEAM}:${world.ours}:${TAG}`;
      return (await world[action]("mia", channel)) && !(await world[action]("adam", channel));
    },
  );
  for (const who of [...STRANGERS, "anon"] as const)
    check(
      "realtime.messages",
      what,
      who === "anon" ? "anon" : "stranger",
      `(${who}) ${action} on no stream of the team`,
      async (world) => {
        for (const channel of channels(world)) if (await world[action](who, channel)) return false;
        return true;
      },
    );
}

for (const [who, mine] of [
  ["mia", true],
  ["stan", false],
  ["rita", false],
] as const)
  check(
    "operon.is_my_stream_channel",
    "call",
    mine ? "member" : "stranger",
    mine ? "knows the team's channels" : `(${who}) knows none of the team's channels`,
    (world) =>
      world.as(who, async (attempt) => {
        for (const channel of channels(world)) {
          const { rows } = await attempt("select operon.is_my_stream_channel($1) as mine", [
            channel,
          ]);
          if (rows?.[0]?.["mine"] !== mine) return false;
        }
        return true;
      }),
  );
