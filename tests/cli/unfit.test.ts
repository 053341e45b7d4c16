/** Entries of a team log that do not fit, listed by a member with nothing but an account: they stop nobody. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { DecisionRow, SyncReport, TeamDetail } from "../../src/app/api.ts";
import type { TeamId } from "../../src/base/ids.ts";
import { base64, byDevice, entry, epoch, fences } from "../rls/entries.ts";
import { createDevice, type Device, type Started } from "./operon.ts";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const PASSWORD = "vellum harbour 58 kites";
const PASSPHRASE = "quartz violet ember lantern orbit maple";

let devices: readonly [server: Device, ada: Device, ben: Device, cyd: Device];
let relay: Started;
let url: string;
let anonKey: string;
let team: TeamId;
let decision: string;

const sync = (device: Device) => device.json<SyncReport>(["sync", "--once"]);
const context = async (device: Device) =>
  (await device.json<DecisionRow>(["decision", "show", decision])).context;

beforeAll(async () => {
  devices = [
    await createDevice(),
    await createDevice(),
    await createDevice(),
    await createDevice(),
  ];
  const [server, ada, ben, cyd] = devices;
  relay = server.start(["relay", "--port", "0", "--data", join(server.folder, "relay"), "--json"]);
  ({ url, anonKey } = JSON.parse(await relay.firstLine) as { url: string; anonKey: string });
  for (const [device, who] of [
    [ada, "ada"],
    [ben, "ben"],
    [cyd, "cyd"],
  ] as const) {
    const signUp = ["signup", "--url", url, "--key", anonKey, "--email", `${who}@example.org`];
    await device.json([...signUp, "--password-stdin"], `${PASSWORD}\n`);
  }
  const create = ["team", "create", "Marmalade", "--passphrase-stdin"];
  ({ team } = await ada.json<{ team: TeamId }>(create, `${PASSPHRASE}\n`));
  for (const [device, who] of [
    [ben, "ben"],
    [cyd, "cyd"],
  ] as const) {
    const { invite } = await ada.json<{ invite: string }>(["team", "invite", `${who}@example.org`]);
    await device.json(["team", "join", invite, "--passphrase-stdin"], `${PASSPHRASE}\n`);
  }
  await ben.json(["team", "kit"]);
  const made = ["decision", "new", "--title", "Jam", "--context", "base ", "--team", team];
  decision = (await ada.json<DecisionRow>(made)).id;
  for (const device of [ada, ben, cyd]) await sync(device);
});

afterAll(async () => {
  relay?.kill("SIGTERM");
  await relay?.ended;
  for (const device of devices) await device.remove();
});

/** What ben's account may ask of the server by itself. */
async function asBen(ben: Device) {
  const kept = await readFile(join(ben.folder, "default", "secrets.json"), "utf8");
  const secrets = Object.entries(JSON.parse(kept) as Record<string, string>);
  const session = secrets.find(([name]) => name.startsWith("session"))?.[1] as string;
  const { access_token } = JSON.parse(session) as { access_token: string };
  return async (name: string, body: object): Promise<unknown> => {
    const answer = await fetch(`${url}/rest/v1/rpc/${name}`, {
      method: "POST",
      body: JSON.stringify(body),
      headers: {
        apikey: anonKey,
        authorization: `Bearer ${access_token}`,
        "content-type": "application/json",
      },
    });
    return answer.json();
  };
}

test("a removal and a key that nobody signed, listed by a member, keep nobody from writing", async () => {
  const [, ada, ben, cyd] = devices;
  const { members } = await ben.json<TeamDetail>(["team", "members"]);
  const own = members.find(({ you }) => you)?.devices ?? [];
  const here = { id: own.find((device) => device.here)?.id as string };
  const kit = own.find(({ kind }) => kind === "recovery")?.id as string;
  const call = await asBen(ben);
  const { listed } = (await call("cloud_log_read", { team, after: 0 })) as { listed: number };
  const heads = (await call("cloud_heads", { team })) as [string | null, number, string][];
  const drawn = fences(
    heads.map(([project, n, h]) => ({ project, n, h: Buffer.from(h, "base64") })),
  );
  const removal = { kind: "remove-device", device: kit, fences: drawn } as const;
  const entries = [
    { entry: base64(entry(team, byDevice(here), removal)) },
    epoch(team, here, 2, [here.id]),
  ];
  expect(await call("cloud_log_append", { team, listed, entries })).toEqual({ late: null });
  for (const [device, word] of [
    [cyd, "cyd's "],
    [ada, "ada's "],
    [ben, "ben's "],
  ] as const) {
    await device.json([
      "decision",
      "edit",
      decision,
      "--context",
      `${await context(device)}${word}`,
    ]);
    expect(await sync(device), word).toMatchObject({ pushed: 1, alarms: [] });
  }
  for (const device of [ada, cyd]) {
    await sync(device);
    for (const word of ["cyd's ", "ada's ", "ben's "])
      expect(await context(device)).toContain(word);
  }
  // The key that who leads makes is everybody's, and the entry is still in nobody's way.
  await ada.json(["team", "rotate"]);
  await cyd.json(["decision", "edit", decision, "--context", `${await context(cyd)}after `]);
  await sync(cyd);
  await sync(ada);
  expect(await context(ada)).toContain("after ");
});
