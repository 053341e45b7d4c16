/**
 * Who may do what in the cloud's tables and functions, one check each: `on` is a table or function, `what` an action on it,
 * `who` a member of the team or a stranger to it. A check answers whether the database behaved.
 */
import {
  CARD,
  deviceOf,
  emailHash,
  NEW_TEAM,
  OTHER_TEAM,
  type Outcome,
  type Person,
  proof,
  RECORD,
  row,
  secretHash,
  TEAM,
  type Try,
  type World,
} from "./world.ts";

export interface Check {
  readonly on: string;
  readonly what: string;
  readonly who: "member" | "stranger" | "anon";
  readonly name: string;
  run(world: World): Promise<boolean>;
}

export const checks: Check[] = [];

function check(on: string, what: string, who: Check["who"], name: string, run: Check["run"]): void {
  checks.push({ on, what, who, name, run });
}

const hex = (bytes: Buffer) => bytes.toString("hex");
const b64 = (bytes: Buffer) => bytes.toString("base64");
const given = (outcome: Outcome) => (outcome.rows?.length ?? 0) > 0;
const nothing = (outcome: Outcome) => outcome.rows?.length === 0;
/** `code` 42501: a privilege or a policy refuses. */
const refused = (outcome: Outcome, code = "42501") => outcome.refused?.code === code;
const says = (outcome: Outcome, word: string) =>
  outcome.refused?.code === "P0001" && outcome.refused.message === word;
const did = (outcome: Outcome) => outcome.refused === null;

function one(
  who: Person | "anon",
  sql: string,
  parameters: (world: World) => readonly unknown[],
  good: (outcome: Outcome) => boolean,
) {
  return (world: World) =>
    world.as(who, async (attempt) => good(await attempt(sql, parameters(world))));
}

// Tables: what a member and a stranger see of team A, and what both cannot change.

const OF_TEAM: Readonly<Record<string, string>> = {
  cloud_teams: `id = '${TEAM}'`,
  cloud_members: `team_id = '${TEAM}'`,
  cloud_devices: `team_id = '${TEAM}'`,
  cloud_keys: `team_id = '${TEAM}'`,
  cloud_projects: `team_id = '${TEAM}'`,
  cloud_streams: `team_id = '${TEAM}'`,
  cloud_rows: "true",
  cloud_invites: "true",
};

for (const [table, condition] of Object.entries(OF_TEAM)) {
  const seen = table === "cloud_invites" ? nothing : given;
  check(
    table,
    "select",
    "member",
    "reads the team's",
    one("mia", `select * from public.${table} where ${condition}`, () => [], seen),
  );
  check(
    table,
    "select",
    "stranger",
    "reads nothing of it",
    one("stan", `select * from public.${table} where ${condition}`, () => [], nothing),
  );
  check(
    table,
    "select",
    "anon",
    "is refused",
    one("anon", `select * from public.${table}`, () => [], refused),
  );
  for (const [who, person] of [
    ["member", "olga"],
    ["stranger", "stan"],
  ] as const) {
    const column =
      table === "cloud_rows"
        ? "n = n"
        : table === "cloud_invites"
          ? "spent_by = null"
          : table === "cloud_streams"
            ? "n = 0"
            : null;
    const assignment =
      column ?? (table === "cloud_teams" ? "created_by = auth.uid()" : "team_id = team_id");
    check(
      table,
      "update",
      who,
      "is refused",
      one(person, `update public.${table} set ${assignment}`, () => [], refused),
    );
    check(
      table,
      "delete",
      who,
      "is refused",
      one(person, `delete from public.${table}`, () => [], refused),
    );
  }
}

const insertTeam = "insert into public.cloud_teams (id, created_by) values ($1, $2)";
check(
  "cloud_teams",
  "insert",
  "member",
  "founds a team of her own",
  one("mia", insertTeam, ({ ids }) => [NEW_TEAM, ids.mia], did),
);
check(
  "cloud_teams",
  "insert",
  "stranger",
  "cannot found one in another's name",
  one("stan", insertTeam, ({ ids }) => [NEW_TEAM, ids.mia], refused),
);

const insertMember =
  "insert into public.cloud_members (team_id, user_id, role) values ($1, $2, $3)";
const present = (name: string) => async (attempt: Try) =>
  void (await attempt("select set_config('operon.invite', $1, true)", [hex(proof(name))]));
check(
  "cloud_members",
  "insert",
  "member",
  "cannot add anybody",
  one("olga", insertMember, ({ ids }) => [TEAM, ids.stan, "member"], refused),
);
check("cloud_members", "insert", "member", "joins with the invite made for her", (world) =>
  world.as("nina", async (attempt) => {
    await present("nina")(attempt);
    return did(await attempt(insertMember, [TEAM, world.ids.nina, "member"]));
  }),
);
for (const [name, invite, role] of [
  ["cannot join without an invite", null, "member"],
  ["cannot make himself owner", null, "owner"],
  ["cannot join with another's invite", "nina", "member"],
] as const)
  check("cloud_members", "insert", "stranger", name, (world) =>
    world.as("stan", async (attempt) => {
      if (invite) await present(invite)(attempt);
      return refused(await attempt(insertMember, [TEAM, world.ids.stan, role]));
    }),
  );
for (const [name, invite, role] of [
  ["cannot take a higher role than the invite's", "nina", "admin"],
  ["cannot use an invite that is too old", "old", "member"],
] as const)
  check("cloud_members", "insert", "stranger", name, (world) =>
    world.as("nina", async (attempt) => {
      await present(invite)(attempt);
      return refused(await attempt(insertMember, [TEAM, world.ids.nina, role]));
    }),
  );

const insertDevice =
  "insert into public.cloud_devices (team_id, id, user_id, card) values ($1, $2, $3, '\\x00')";
check(
  "cloud_devices",
  "insert",
  "member",
  "lists a device of hers",
  one("mia", insertDevice, ({ ids }) => [TEAM, Buffer.alloc(16), ids.mia], did),
);
check(
  "cloud_devices",
  "insert",
  "member",
  "cannot list another's",
  one("mia", insertDevice, ({ ids }) => [TEAM, Buffer.alloc(16), ids.adam], refused),
);
check(
  "cloud_devices",
  "insert",
  "stranger",
  "is refused",
  one("stan", insertDevice, ({ ids }) => [TEAM, Buffer.alloc(16), ids.stan], refused),
);

const insertKey = "insert into public.cloud_keys (team_id, epoch, record) values ($1, 2, '\\x00')";
check(
  "cloud_keys",
  "insert",
  "member",
  "an owner adds a record",
  one("olga", insertKey, () => [TEAM], did),
);
check(
  "cloud_keys",
  "insert",
  "member",
  "nobody else of the team",
  one("adam", insertKey, () => [TEAM], refused),
);
check(
  "cloud_keys",
  "insert",
  "stranger",
  "is refused",
  one("stan", insertKey, () => [TEAM], refused),
);
check(
  "cloud_keys",
  "select",
  "stranger",
  "reads how to unwrap with an invite made for her",
  (world) =>
    world.as("nina", async (attempt) => {
      await present("nina")(attempt);
      return given(await attempt("select * from public.cloud_keys where team_id = $1", [TEAM]));
    }),
);
check("cloud_keys", "select", "stranger", "reads nothing with another's invite", (world) =>
  world.as("stan", async (attempt) => {
    await present("nina")(attempt);
    return nothing(await attempt("select * from public.cloud_keys where team_id = $1", [TEAM]));
  }),
);

const insertProject = "insert into public.cloud_projects (team_id, created_by) values ($1, $2)";
check(
  "cloud_projects",
  "insert",
  "member",
  "links a project",
  one("mia", insertProject, ({ ids }) => [TEAM, ids.mia], did),
);
check(
  "cloud_projects",
  "insert",
  "stranger",
  "is refused",
  one("stan", insertProject, ({ ids }) => [TEAM, ids.stan], refused),
);

const insertStream = "insert into public.cloud_streams (team_id) values ($1)";
check(
  "cloud_streams",
  "insert",
  "member",
  "is refused",
  one("olga", insertStream, () => [TEAM], refused),
);
check(
  "cloud_streams",
  "insert",
  "stranger",
  "is refused",
  one("stan", insertStream, () => [TEAM], refused),
);

const insertRow = "insert into public.cloud_rows (stream_id, body) values ($1, $2)";
check(
  "cloud_rows",
  "insert",
  "member",
  "writes as her device",
  one("mia", insertRow, ({ stream }) => [stream, row({ device: deviceOf("mia"), seq: 2 })], did),
);
check(
  "cloud_rows",
  "insert",
  "member",
  "cannot write as another's",
  one("mia", insertRow, ({ stream }) => [stream, row({ device: deviceOf("adam") })], refused),
);
check(
  "cloud_rows",
  "insert",
  "stranger",
  "is refused",
  one("stan", insertRow, ({ stream }) => [stream, row({ device: deviceOf("stan") })], refused),
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
      ({ stream }) => [stream, row({ device: deviceOf("mia") })],
      refused,
    ),
  );

const insertInvite =
  "insert into public.cloud_invites (secret_hash, team_id, created_by, role, email_hash) values ($1, $2, $3, $4, $5)";
const inviteBy =
  (who: Person, role: string | null, team = TEAM, by: Person = who) =>
  (world: World) =>
    world.as(who, (attempt) =>
      attempt(insertInvite, [
        secretHash("new"),
        team,
        world.ids[by],
        role,
        role && emailHash("new", "nina"),
      ]),
    );
const expectInvite =
  (who: Person, role: string | null, good: (outcome: Outcome) => boolean, by: Person = who) =>
  async (world: World) =>
    good(await inviteBy(who, role, TEAM, by)(world));
check(
  "cloud_invites",
  "insert",
  "member",
  "an owner invites an admin",
  expectInvite("olga", "admin", did),
);
check(
  "cloud_invites",
  "insert",
  "member",
  "an admin invites a member",
  expectInvite("adam", "member", did),
);
check(
  "cloud_invites",
  "insert",
  "member",
  "an admin invites no admin",
  expectInvite("adam", "admin", refused),
);
check(
  "cloud_invites",
  "insert",
  "member",
  "a member invites nobody else",
  expectInvite("mia", "member", refused),
);
check(
  "cloud_invites",
  "insert",
  "member",
  "a member invites her own devices",
  expectInvite("mia", null, did),
);
check(
  "cloud_invites",
  "insert",
  "member",
  "nobody invites in another's name",
  expectInvite("olga", "member", refused, "adam"),
);
check("cloud_invites", "insert", "stranger", "is refused", expectInvite("stan", "member", refused));
check(
  "cloud_invites",
  "insert",
  "stranger",
  "is refused for his own devices too",
  expectInvite("stan", null, refused),
);
check("cloud_invites", "select", "stranger", "sees the invite whose secret she presents", (world) =>
  world.as("nina", async (attempt) => {
    await present("nina")(attempt);
    return (await attempt("select * from public.cloud_invites")).rows?.length === 1;
  }),
);

// Functions.

const create = "select public.cloud_team_create($1, $2)";
check(
  "cloud_team_create",
  "call",
  "member",
  "makes another team",
  one("mia", create, () => [NEW_TEAM, RECORD], did),
);
check(
  "cloud_team_create",
  "call",
  "stranger",
  "cannot take a team that exists",
  one(
    "stan",
    create,
    () => [TEAM, RECORD],
    (o) => refused(o, "23505"),
  ),
);

const addDevice = "select public.cloud_device_add($1, $2, $3)";
check(
  "cloud_device_add",
  "call",
  "member",
  "adds one",
  one("mia", addDevice, () => [TEAM, hex(Buffer.alloc(16)), CARD], did),
);
check(
  "cloud_device_add",
  "call",
  "stranger",
  "is refused",
  one("stan", addDevice, () => [TEAM, hex(Buffer.alloc(16)), CARD], refused),
);

check("cloud_device_add", "call", "member", "may add her own again, and no other's", (world) =>
  world.as(
    "mia",
    async (attempt) =>
      did(await attempt(addDevice, [TEAM, hex(deviceOf("mia")), CARD])) &&
      says(await attempt(addDevice, [TEAM, hex(deviceOf("olga")), CARD]), "device_taken"),
  ),
);

const createProject = "select public.cloud_project_create($1)";
check("cloud_project_create", "call", "member", "makes one, with its stream", (world) =>
  world.as("mia", async (attempt) => {
    await attempt(createProject, [TEAM]);
    return (
      (await attempt("select * from public.cloud_streams where team_id = $1", [TEAM])).rows
        ?.length === 3
    );
  }),
);
check(
  "cloud_project_create",
  "call",
  "stranger",
  "is refused",
  one("stan", createProject, () => [TEAM], refused),
);

const createInvite = "select public.cloud_invite_create($1, $2, $3, $4)";
const inviteArguments = () => [
  TEAM,
  hex(secretHash("new")),
  "member",
  hex(emailHash("new", "nina")),
];
check(
  "cloud_invite_create",
  "call",
  "member",
  "an admin makes one",
  one("adam", createInvite, inviteArguments, did),
);
check(
  "cloud_invite_create",
  "call",
  "stranger",
  "is refused",
  one("stan", createInvite, inviteArguments, refused),
);

const openInvite = "select public.cloud_invite_open($1) as invite";
const invite = (outcome: Outcome) =>
  outcome.rows?.[0]?.["invite"] as { team: string; keys: unknown[]; member: boolean } | undefined;
check(
  "cloud_invite_open",
  "call",
  "member",
  "reads the key record with her own invite",
  one(
    "mia",
    openInvite,
    () => [hex(proof("mia's own"))],
    (o) => invite(o)?.keys.length === 1,
  ),
);
check(
  "cloud_invite_open",
  "call",
  "stranger",
  "reads the key record before joining",
  one(
    "nina",
    openInvite,
    () => [hex(proof("nina"))],
    (o) => invite(o)?.keys.length === 1 && !invite(o)?.member,
  ),
);
check(
  "cloud_invite_open",
  "call",
  "stranger",
  "is told that it is another's",
  one(
    "stan",
    openInvite,
    () => [hex(proof("nina"))],
    (o) => says(o, "invite_for_another_account"),
  ),
);
check(
  "cloud_invite_open",
  "call",
  "stranger",
  "is told that it is unknown",
  one(
    "stan",
    openInvite,
    () => [hex(proof("never"))],
    (o) => says(o, "invite_unknown"),
  ),
);
check(
  "cloud_invite_open",
  "call",
  "stranger",
  "is told that it is too old",
  one(
    "nina",
    openInvite,
    () => [hex(proof("old"))],
    (o) => says(o, "invite_expired"),
  ),
);
check(
  "cloud_invite_open",
  "call",
  "member",
  "is told that her invite for own devices is too old",
  one(
    "mia",
    openInvite,
    () => [hex(proof("mia's old"))],
    (o) => says(o, "invite_expired"),
  ),
);
check(
  "cloud_invite_open",
  "call",
  "stranger",
  "cannot use a member's invite for own devices",
  one(
    "stan",
    openInvite,
    () => [hex(proof("mia's own"))],
    (o) => says(o, "invite_for_another_account"),
  ),
);

const join = "select public.cloud_team_join($1)";
const sees = async (attempt: Try) => given(await attempt("select * from public.cloud_rows"));
check(
  "cloud_team_join",
  "call",
  "member",
  "joins with the invite made for her, and reads",
  (world) =>
    world.as(
      "nina",
      async (attempt) => did(await attempt(join, [hex(proof("nina"))])) && (await sees(attempt)),
    ),
);
check("cloud_team_join", "call", "member", "may ask again after a crash", (world) =>
  world.as(
    "nina",
    async (attempt) =>
      did(await attempt(join, [hex(proof("nina"))])) &&
      did(await attempt(join, [hex(proof("nina"))])),
  ),
);
check("cloud_team_join", "call", "member", "own invite works again and again", (world) =>
  world.as(
    "mia",
    async (attempt) =>
      did(await attempt(join, [hex(proof("mia's own"))])) &&
      did(await attempt(join, [hex(proof("mia's own"))])),
  ),
);
check(
  "cloud_team_join",
  "call",
  "stranger",
  "another's invite is refused and reads nothing",
  (world) =>
    world.as(
      "stan",
      async (attempt) =>
        says(await attempt(join, [hex(proof("nina"))]), "invite_for_another_account") &&
        !(await sees(attempt)),
    ),
);

const state = "select public.cloud_team_state($1) as state";
check(
  "cloud_team_state",
  "call",
  "member",
  "lists members, devices, keys and projects",
  one(
    "mia",
    state,
    () => [TEAM],
    (o) => {
      const s = o.rows?.[0]?.["state"] as Record<string, unknown[]> | undefined;
      return (
        s?.["members"]?.length === 3 &&
        s["devices"]?.length === 3 &&
        s["keys"]?.length === 1 &&
        s["projects"]?.length === 1
      );
    },
  ),
);
check(
  "cloud_team_state",
  "call",
  "stranger",
  "is refused",
  one(
    "stan",
    state,
    () => [TEAM],
    (o) => says(o, "not_a_member"),
  ),
);

const push = "select public.cloud_push($1, $2, $3) as answers";
const answers = (outcome: Outcome) =>
  outcome.rows?.[0]?.["answers"] as { n?: number; h?: string; conflict?: boolean }[] | undefined;
const rowsOf = (...rows: Buffer[]) => JSON.stringify(rows.map(b64));
check(
  "cloud_push",
  "call",
  "member",
  "appends to a project's stream",
  one(
    "mia",
    push,
    ({ project }) => [TEAM, project, rowsOf(row({ device: deviceOf("mia"), project, seq: 2 }))],
    (o) => answers(o)?.[0]?.n === 2,
  ),
);
check(
  "cloud_push",
  "call",
  "member",
  "is refused as another's device",
  one("mia", push, () => [TEAM, null, rowsOf(row({ device: deviceOf("adam") }))], refused),
);
check(
  "cloud_push",
  "call",
  "stranger",
  "is refused in the team's stream",
  one(
    "stan",
    push,
    () => [TEAM, null, rowsOf(row({ device: deviceOf("stan") }))],
    (o) => says(o, "not_a_member"),
  ),
);
check(
  "cloud_push",
  "call",
  "stranger",
  "is refused in a project's stream",
  one(
    "stan",
    push,
    ({ project }) => [TEAM, project, rowsOf(row({ device: deviceOf("stan"), project }))],
    (o) => says(o, "not_a_member"),
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
    (o) => says(o, "not_a_member"),
  ),
);

const pull = "select public.cloud_pull($1, '[]', 100) as page";
const page = (outcome: Outcome) =>
  outcome.rows?.[0]?.["page"] as { rows: unknown[]; heads: unknown[] } | undefined;
check(
  "cloud_pull",
  "call",
  "member",
  "reads all streams",
  one(
    "adam",
    pull,
    () => [TEAM],
    (o) => page(o)?.rows.length === 2 && page(o)?.heads.length === 2,
  ),
);
check(
  "cloud_pull",
  "call",
  "stranger",
  "is refused",
  one(
    "stan",
    pull,
    () => [TEAM],
    (o) => says(o, "not_a_member"),
  ),
);

for (const name of [
  "cloud_team_create($1, '')",
  "cloud_device_add($1, '', '')",
  "cloud_project_create($1)",
  "cloud_invite_create($1, '')",
  "cloud_invite_open($1)",
  "cloud_team_join($1)",
  "cloud_team_state($1)",
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
check(
  "operon.my_teams",
  "call",
  "stranger",
  "knows only his team",
  one(
    "stan",
    "select operon.my_teams() as answer",
    () => [],
    (o) => o.rows?.length === 1 && answer(o) === OTHER_TEAM,
  ),
);
check(
  "operon.my_streams",
  "call",
  "stranger",
  "knows only his stream",
  one(
    "stan",
    "select operon.my_streams() as answer",
    () => [],
    (o) => o.rows?.length === 1,
  ),
);
check(
  "operon.my_role",
  "call",
  "stranger",
  "has none",
  one(
    "stan",
    helper("my_role", "$1"),
    () => [TEAM],
    (o) => answer(o) === null,
  ),
);
check(
  "operon.my_device",
  "call",
  "stranger",
  "has none there",
  one(
    "stan",
    helper("my_device", "$1, $2"),
    ({ stream }) => [stream, deviceOf("mia")],
    (o) => answer(o) === false,
  ),
);
check(
  "operon.may_invite",
  "call",
  "stranger",
  "may not",
  one(
    "stan",
    helper("may_invite", "$1, 'member'"),
    () => [TEAM],
    (o) => answer(o) === false,
  ),
);
check(
  "operon.key_records",
  "call",
  "stranger",
  "reads none",
  one(
    "stan",
    helper("key_records", "$1"),
    () => [TEAM],
    (o) => JSON.stringify(answer(o)) === "[]",
  ),
);
check("operon.admitted", "call", "stranger", "is admitted nowhere", (world) =>
  world.as("stan", async (attempt) => {
    await present("nina")(attempt);
    return nothing(await attempt("select from operon.admitted() where team is not null"));
  }),
);
check("operon.invite_is_mine", "call", "stranger", "is not his", (world) =>
  world.as("stan", async (attempt) => {
    await present("nina")(attempt);
    return (
      answer(
        await attempt("select operon.invite_is_mine(i) as answer from public.cloud_invites i"),
      ) === false
    );
  }),
);
check(
  "operon.presented_hash",
  "call",
  "stranger",
  "is nothing without a secret",
  one(
    "stan",
    helper("presented_hash", ""),
    () => [],
    (o) => answer(o) === null,
  ),
);
check(
  "operon.presented_secret",
  "call",
  "stranger",
  "is nothing without a secret",
  one(
    "stan",
    helper("presented_secret", ""),
    () => [],
    (o) => answer(o) === null,
  ),
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
    (o) => answer(o) === b64(Buffer.alloc(300, 7)),
  ),
);
check("operon.poke", "call", "stranger", "says nothing about another's stream", (world) =>
  world.mutated(
    "create table public.sent (topic text); create or replace function realtime.send(payload jsonb, event text, topic text, private boolean default true) returns void language sql as $$ insert into public.sent values (topic) $$",
    async () => {
      const sent = (who: Person) =>
        world.as(who, async (attempt) => {
          await attempt("select operon.poke($1)", [world.stream]);
          await attempt("reset role");
          return (await attempt("select * from public.sent")).rows?.length;
        });
      return (await sent("mia")) === 1 && (await sent("stan")) === 0;
    },
  ),
);

// The private channel.

check("realtime.messages", "select", "member", "hears the team", (world) =>
  world.hears("mia", `team:${TEAM}`),
);
check(
  "realtime.messages",
  "select",
  "member",
  "hears no topic of another kind",
  async (world) => !(await world.hears("mia", TEAM)),
);
check(
  "realtime.messages",
  "select",
  "stranger",
  "does not hear the team",
  async (world) => !(await world.hears("stan", `team:${TEAM}`)),
);
check(
  "realtime.messages",
  "select",
  "anon",
  "does not hear the team",
  async (world) => !(await world.hears("anon", `team:${TEAM}`)),
);
for (const who of ["mia", "stan", "anon"] as const)
  check(
    "realtime.messages",
    "insert",
    who === "mia" ? "member" : who === "stan" ? "stranger" : "anon",
    "cannot speak to the team",
    async (world) => !(await world.speaks(who, `team:${TEAM}`)),
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
  for (const who of ["stan", "anon"] as const)
    check(
      "realtime.messages",
      what,
      who === "stan" ? "stranger" : "anon",
      `${action} on no stream of the team`,
      async (world) => {
        for (const channel of channels(world)) if (await world[action](who, channel)) return false;
        return true;
      },
    );
}

for (const [who, mine] of [
  ["mia", true],
  ["stan", false],
] as const)
  check(
    "operon.is_my_stream_channel",
    "call",
    mine ? "member" : "stranger",
    mine ? "knows the team's channels" : "knows none of the team's channels",
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
