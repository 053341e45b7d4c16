/**
 * What people do with a team, from the first sign-up to a restored device, through `bin/operon`, with everything kept that
 * the relay is sent. Beside it, what the relay must not learn of it.
 */
import { randomBytes } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { hostname, userInfo } from "node:os";
import { join } from "node:path";
import type { DecisionRow, SyncReport, TeamDetail } from "../../../src/app/api.ts";
import { connectToEngine } from "../../../src/app/remote.ts";
import { Secret } from "../../../src/base/secret.ts";
import { unpackDevice } from "../../../src/crypto/device.ts";
import { parseTeamInvite } from "../../../src/crypto/log/invite.ts";
import { parseKit } from "../../../src/crypto/log/recovery.ts";
import { unpackTeamKeys } from "../../../src/crypto/team.ts";
import { createDevice, until, writeTranscript, type Device, type Started } from "../operon.ts";
import { startProxy } from "../proxy.ts";
import { type AskedOfRelay, type Frame, readTables, type Received } from "./received.ts";
import { openWindow } from "./window.ts";

const SESSION = "abababab-1111-4111-8111-123412341234";
const CWD = "/srv/flamingo/cobblestone";
/** One that is not linked, and stays here. */
const PRIVATE_CWD = "/srv/heron/driftwood";
const PRIVATE_SESSION = "cdcdcdcd-2222-4222-8222-567856785678";
const TEAM = "Marmalade cooperative";
const PASSWORD = "vellum harbour 58 kites";
const NEW_PASSWORD = "sextant gallery 31 plums";
const PASSPHRASES = [
  "quartz violet ember lantern orbit maple",
  "saffron kettle dawn pebble ivory comet",
  "thistle anchor plum velvet zephyr crane",
  "none of these words opens it",
] as const;
const EMAILS = {
  ada: "ada.lovage@orchard.example",
  ben: "ben.quince@orchard.example",
  cyd: "cyd.medlar@orchard.example",
  /** Is invited, and never comes. */
  dan: "dan.sorrel@orchard.example",
} as const;
const MACHINE = "the tin laptop";
const TITLES = ["Which jam to cook first", "Where the jars are kept", "Mine alone: the recipe"];
const WORDS = {
  context: "Gooseberries ripen before",
  later: "damsons are late",
  outcome: "Gooseberry it is",
  drivers: "Sugar costs a fortune",
  typedHere: "typed in the first window",
  typedThere: "typed in the second window",
  prompt: "canaryprompt: boil it slowly",
  response: "canaryresponse: it boils",
  file: "src/canaryfile.ts",
};
/** So that a stream gets its snapshot: over a mebibyte that does not compress. */
const LONG = { count: 5, bytes: 240_000 };

/** What must stand nowhere, by what it is. */
export interface Needle {
  readonly what: string;
  readonly bytes: Uint8Array;
  /** `password`: may stand where somebody signs in. `address`: in accounts and their tokens. */
  readonly may?: "password" | "address";
}

export interface Played {
  readonly received: Received;
  readonly needles: readonly Needle[];
}

interface Listening {
  readonly url: string;
  readonly anonKey: string;
}

export async function play(): Promise<Played> {
  const requests: AskedOfRelay[] = [];
  const frames: Frame[] = [];
  const proxy = await startProxy({
    request: (asked) => void requests.push(asked),
    frame: (from, data, binary) => void frames.push({ from, data, binary }),
  });
  const devices: Device[] = [];
  const device = async (): Promise<Device> => {
    const made = await createDevice();
    devices.push(made);
    return made;
  };
  const server = await device();
  const folder = join(server.folder, "relay");
  const relay = server.start(["relay", "--port", "0", "--data", folder, "--json"]);
  let log = "";
  relay.child.stderr?.on("data", (chunk: Buffer) => (log += chunk.toString()));
  try {
    const { url, anonKey } = JSON.parse(await relay.firstLine) as Listening;
    proxy.target(url);
    const address = ["--url", proxy.url, "--key", anonKey];
    const needles = await act(device, address, frames);
    await end(relay);
    const received = { requests, frames, tables: await readTables(folder), log };
    return { received, needles };
  } finally {
    await end(relay);
    await proxy.close();
    for (const each of devices) await each.remove();
  }
}

async function end(started: Started): Promise<void> {
  started.kill("SIGTERM");
  await started.ended;
}

async function act(
  device: () => Promise<Device>,
  address: readonly string[],
  frames: readonly Frame[],
): Promise<readonly Needle[]> {
  const [ada, ben, cyd, fresh] = [await device(), await device(), await device(), await device()];
  const everybody = [ada, ben, cyd, fresh];
  const hidden = new Hidden();
  const sync = (by: Device) => by.json<SyncReport>(["sync", "--once"]);
  const enter = (how: "signup" | "login", by: Device, email: string) =>
    by.json([how, ...address, "--email", email, "--password-stdin"], `${PASSWORD}\n`);
  const invite = async (by: Device, email: string): Promise<string> => {
    const made = await by.json<{ invite: string }>(["team", "invite", email]);
    hidden.invite(made.invite);
    return made.invite;
  };

  await enter("signup", ada, EMAILS.ada);
  await enter("signup", ben, EMAILS.ben);
  await enter("signup", cyd, EMAILS.cyd);
  const made = await ada.json<{ team: string; invite: string }>(
    ["team", "create", TEAM, "--passphrase-stdin"],
    `${PASSPHRASES[0]}\n`,
  );
  hidden.invite(made.invite);
  for (const [who, email] of [
    [ben, EMAILS.ben],
    [cyd, EMAILS.cyd],
  ] as const) {
    const text = await invite(ada, email);
    await who.run(["team", "join", text, "--passphrase-stdin"], `${PASSPHRASES[3]}\n`);
    await who.json(["team", "join", text, "--passphrase-stdin"], `${PASSPHRASES[0]}\n`);
  }

  for (const [id, cwd] of [
    [SESSION, CWD],
    [PRIVATE_SESSION, PRIVATE_CWD],
  ] as const)
    await writeTranscript(ada.home, id, cwd, [WORDS]);
  await writeTranscript(ben.home, SESSION, CWD, [WORDS]);
  for (const each of [ada, ben]) {
    await each.json(["import"]);
    await each.json(["project", "link", CWD, "--team", made.team]);
  }
  const sessions = await ada.json<readonly { id: string; sourceId: string }[]>(["sessions"]);
  const session = sessions.find(({ sourceId }) => sourceId === SESSION)?.id as string;
  await ada.json(["share", session]);
  const newDecision = async (title: string, ...more: string[]) =>
    (await ada.json<DecisionRow>(["decision", "new", "--title", title, ...more])).id;
  const [titled, placed, mine] = TITLES as [string, string, string];
  const decision = await newDecision(titled, "--context", WORDS.context, "--team", made.team);
  await newDecision(placed, "--project", CWD);
  await newDecision(mine);
  for (const each of [ada, ben, cyd, ada]) await sync(each);
  await hidden.keysOf(everybody);

  await ada.json(["team", "role", EMAILS.ben, "admin"]);
  await invite(ben, EMAILS.dan);
  const { invites } = await ada.json<TeamDetail>(["team", "members"]);
  for (const { id } of invites) await ada.json(["team", "revoke", id]);
  const { kit } = await ben.json<{ kit: string }>(["team", "kit"]);
  hidden.kit(kit);

  await live(ada, ben, decision, made.team, frames);
  // Whoever pushes now makes the snapshot, the next one attests it.
  await ada.json(["decision", "edit", decision, "--drivers", WORDS.drivers]);
  for (const each of [ada, ben, ada]) await sync(each);

  await ada.json(["team", "rotate"]);
  await hidden.keysOf([ada]);
  await ada.json(["team", "rotate", "--passphrase-stdin"], `${PASSPHRASES[1]}\n`);
  await ada.json(["team", "passphrase", "--passphrase-stdin"], `${PASSPHRASES[2]}\n`);
  for (const each of [ben, cyd]) await sync(each);
  await hidden.keysOf(everybody);
  await ada.json(["team", "remove", EMAILS.cyd]);
  await sync(ada);
  await hidden.keysOf([ada]);
  await cyd.run(["sync", "--once"]);

  await enter("login", fresh, EMAILS.ben);
  await fresh.json(["team", "restore", "--kit-stdin"], `${kit}\n`);
  await fresh.json(["team", "remove", MACHINE]);
  await fresh.json(["password", "--password-stdin"], `${PASSWORD}\n${NEW_PASSWORD}\n`);
  await ada.json(["unshare", session]);
  for (const each of [ada, fresh]) await sync(each);
  await hidden.keysOf(everybody);
  await fresh.json(["team", "leave"]);
  await sync(ada);
  await hidden.keysOf([ada]);
  await invite(ada, EMAILS.dan);
  await cyd.run(["logout"]);
  await fresh.json(["logout", "--everywhere"]);

  await hidden.localIds([ada, ben, cyd, fresh]);
  hidden.homes([ada, ben, cyd, fresh]);
  return hidden.all();
}

/** Two engines that stay, and a window on each that has the same decision open. */
async function live(
  ada: Device,
  ben: Device,
  decision: string,
  team: string,
  frames: readonly Frame[],
): Promise<void> {
  const profiles = [ada, ben].map(({ folder }) => join(folder, "default"));
  const engines = [ada, ben].map((each) => each.start(["watch", "--json"]));
  for (const profile of profiles)
    await until(() => stat(join(profile, "engine.sock")).catch(() => null), 60_000);
  await ben.json(["decision", "edit", decision, "--outcome", WORDS.outcome]);
  await until(
    async () => (await ada.json<DecisionRow>(["decision", "show", decision])).outcome !== "",
    60_000,
  );
  const seen = await ben.json<TeamDetail>(["team", "members"]);
  const own = seen.members.find(({ you }) => you)?.devices[0]?.id as string;
  await ben.json(["team", "rename", own, MACHINE]);
  const windows = [];
  for (const profile of profiles) windows.push(await openWindow(profile, decision));
  const [here, there] = windows.map(({ doc }) => doc.getText("context"));
  if (!here || !there) throw new Error("two windows");
  const joined = (frame: Frame): boolean =>
    frame.from === "relay" && /"realtime:stream:.*"phx_reply".*"ok"/.test(frame.data.toString());
  await until(() => frames.filter(joined).length >= 2, 60_000);
  here.insert(here.length, ` ${WORDS.typedHere}`);
  await until(() => there.toString().includes(WORDS.typedHere), 60_000);
  there.insert(0, `${WORDS.typedThere}, ${WORDS.later}. `);
  await until(() => here.toString().includes(WORDS.typedThere), 60_000);
  for (const { close } of windows) close();

  const client = await connectToEngine(profiles[0] as string, 10_000);
  if (typeof client === "string") throw new Error(`the engine is ${client}`);
  for (let i = 0; i < LONG.count; i++)
    await client.call("newDecision", {
      title: `${TITLES[1]} ${i}`,
      context: randomBytes(LONG.bytes).toString("base64"),
      team,
    });
  await until(async () => {
    const list = await ben.json<readonly DecisionRow[]>(["decision", "list"]);
    return list.length === LONG.count + 2;
  }, 60_000);
  client.close();
  for (const said of [/"phoenix","heartbeat"/, /"event":"log"/])
    await until(() => frames.some(({ data }) => said.test(data.toString())), 60_000);
  for (const engine of engines) {
    engine.kill("SIGINT");
    await engine.ended;
  }
}

/** Collects what must stay hidden while it is there to be seen. */
class Hidden {
  readonly #needles = new Map<string, Needle>();

  #add(what: string, text: string | Uint8Array, may?: Needle["may"]): void {
    const bytes = Buffer.from(text);
    this.#needles.set(bytes.toString("hex"), { what, bytes, ...(may && { may }) });
  }

  invite(text: string): void {
    const parsed = parseTeamInvite(text);
    if (!parsed.ok) throw new Error("no invite");
    this.#add("an invite", text.slice(-40));
    this.#add("an invite's secret", parsed.value.secret.reveal());
  }

  kit(text: string): void {
    const parsed = parseKit(text);
    if (!parsed.ok) throw new Error("no kit");
    this.#add("a kit", text);
    this.#add("a kit", text.replaceAll("-", ""));
    this.#add("a kit's secret", parsed.value.secret.reveal());
  }

  async keysOf(devices: readonly Device[]): Promise<void> {
    for (const { folder } of devices) {
      const file = join(folder, "default", "secrets.json");
      const text = await readFile(file, "utf8").catch(() => "{}");
      for (const [name, packed] of Object.entries(JSON.parse(text) as Record<string, string>)) {
        if (name.startsWith("device ")) {
          const { signSeed, boxSecret } = unpackDevice(new Secret(packed)).secret.reveal();
          this.#add("a device's signing key", signSeed);
          this.#add("a device's box key", boxSecret);
        } else if (name.startsWith("team ")) {
          const keys = unpackTeamKeys(new Secret(packed));
          this.#add(`the key of epoch ${keys.epoch}`, keys.epochKey.reveal());
          this.#add("the team id key", keys.idKey.reveal());
          this.#add("the team secret", keys.teamSecret.reveal());
        } else if (!name.startsWith("session ")) throw new Error(`what is the secret ${name}?`);
      }
    }
  }

  async localIds(devices: readonly Device[]): Promise<void> {
    for (const device of devices)
      for (const list of [["project", "list"], ["sessions"], ["decision", "list"]])
        for (const { id } of await device.json<readonly { id: string }[]>(list)) {
          const digits = id.slice(id.indexOf("_") + 1);
          this.#add(`a local id ${id.split("_")[0]}_`, digits);
          for (const bytes of bytesOf(digits)) this.#add(`a local id ${id.split("_")[0]}_`, bytes);
        }
  }

  homes(devices: readonly Device[]): void {
    for (const { home, folder } of devices) {
      this.#add("a path", home);
      this.#add("a path", folder);
    }
  }

  all(): readonly Needle[] {
    for (const title of TITLES) this.#add("a title", title);
    for (const [name, text] of Object.entries(WORDS)) this.#add(`a text: ${name}`, text);
    for (const path of [CWD, PRIVATE_CWD, ...CWD.split("/"), ...PRIVATE_CWD.split("/")])
      if (path.length > 7) this.#add("a path", path);
    for (const id of [SESSION, PRIVATE_SESSION]) this.#add("an agent's session id", id);
    this.#add("the team's name", TEAM);
    this.#add("the team's name", "Marmalade");
    this.#add("a machine's name", MACHINE);
    // A host's name may be two letters long: as it stands in a card.
    this.#add("a machine's name", `${userInfo().username} on ${hostname()}`);
    for (const text of PASSPHRASES) this.#add("a passphrase", text);
    for (const text of [PASSWORD, NEW_PASSWORD]) this.#add("a password", text, "password");
    for (const email of Object.values(EMAILS))
      this.#add("an e-mail address", email, email === EMAILS.dan ? undefined : "address");
    return [...this.#needles.values()];
  }
}

const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** An id's 26 digits as 16 bytes, where the first two bits were left out and where the last two are. */
function bytesOf(digits: string): readonly Uint8Array[] {
  const value = [...digits].reduce(
    (sum, digit) => sum * 32n + BigInt(CROCKFORD.indexOf(digit)),
    0n,
  );
  const hex = (number: bigint) => BigInt.asUintN(128, number).toString(16).padStart(32, "0");
  return [hex(value), hex(value >> 2n)].map((text) => Buffer.from(text, "hex"));
}
