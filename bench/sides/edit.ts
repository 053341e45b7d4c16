/**
 * Typing in a decision, as the page does it: into one device's engine, through the relay, out of the other device's
 * engine. Relay and both engines are the product's own programs, in processes of their own; this one plays the two pages.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { WebSocket } from "ws";
import { decodeFrame, decodeState, encodeFrame, SOCKET_PATH } from "../../src/app/channel.ts";
import { connectToSocket } from "../../src/app/socket.ts";
import { applyUpdates, openDoc } from "../../src/crdt/documents.ts";
import { typeAndWatch, WARM_UP } from "../latency.ts";
import { answer, input } from "../side.ts";

const OPERON = fileURLToPath(new URL("../../bin/operon", import.meta.url));
const PASSWORD = "a password of the bench";
const PASSPHRASE = "six words that nobody would guess";
const FROM_ENGINE = Symbol("from the engine");

const typing = input<{ edits: number; everyMs: number }>();
const folder = mkdtempSync(join(tmpdir(), "operon-bench-edit-"));
mkdirSync(join(folder, "no-agents"));
const children: ChildProcess[] = [];
try {
  const relay = await starting(["relay", "--port", "0", "--data", join(folder, "relay"), "--json"]);
  const { url, anonKey } = JSON.parse(relay) as { url: string; anonKey: string };
  const account = [
    "--url",
    url,
    "--key",
    anonKey,
    "--email",
    "bench@example.org",
    "--password-stdin",
  ];
  await operon("a", ["signup", ...account], PASSWORD);
  await operon("b", ["login", ...account], PASSWORD);
  const made = await operon(
    "a",
    ["team", "create", "Bench", "--passphrase-stdin", "--json"],
    PASSPHRASE,
  );
  const { team, invite } = JSON.parse(made) as { team: string; invite: string };
  await operon("b", ["team", "join", invite, "--passphrase-stdin"], PASSPHRASE);
  const decided = await operon("a", [
    "decision",
    "new",
    "--title",
    "Typed",
    "--team",
    team,
    "--json",
  ]);
  const { id } = JSON.parse(decided) as { id: string };
  await operon("a", ["sync", "--once"]);
  await operon("b", ["sync", "--once"]);

  for (const device of ["a", "b"])
    await starting(["watch", "--home", join(folder, "no-agents")], device);
  const [from, to] = [await page("a", id), await page("b", id)];
  // The first edit finds connections that are still being made; the next ones, programs that are not compiled yet.
  await typeAndWatch({ edits: 1, everyMs: 1000 }, from.text, to.text, to.onChange);
  await typeAndWatch(WARM_UP, from.text, to.text, to.onChange);
  answer({ ...(await typeAndWatch(typing, from.text, to.text, to.onChange)) });
} finally {
  for (const child of children) child.kill("SIGTERM");
  await Promise.all(
    children.filter(({ exitCode }) => exitCode === null).map((child) => once(child, "exit")),
  );
  rmSync(folder, { recursive: true });
}
process.exit(0);

function environment(device: string): NodeJS.ProcessEnv {
  const { DBUS_SESSION_BUS_ADDRESS: _keychain, ...rest } = process.env;
  return { ...rest, OPERON_HOME: join(folder, device) };
}

async function operon(device: string, args: readonly string[], stdin = ""): Promise<string> {
  const child = spawn(OPERON, args, { env: environment(device), stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.end(stdin);
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if (child.exitCode === null) await once(child, "exit");
  if (child.exitCode !== 0)
    throw new Error(`operon ${args[0]} ended with ${child.exitCode}: ${err}`);
  return out;
}

/** A program that stays. Answers its first line, of whichever output speaks first. */
async function starting(args: readonly string[], device = "relay"): Promise<string> {
  const child = spawn(OPERON, args, {
    env: environment(device),
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.push(child);
  const lines = [child.stdout, child.stderr].map(
    async (stream) => (await once(createInterface(stream), "line"))[0] as string,
  );
  return Promise.race(lines);
}

/** A document as a page has it: open in its device's engine. */
async function page(device: string, id: string) {
  const socket = new WebSocket(`ws://localhost${SOCKET_PATH}`, {
    createConnection: () => connectToSocket(join(folder, device, "default")),
    perMessageDeflate: false,
  } as object);
  await once(socket, "open");
  const doc = openDoc(null);
  const opened = Promise.withResolvers<void>();
  socket.on("message", (data: Buffer, binary: boolean) => {
    const frame = binary ? decodeFrame(data) : null;
    if (frame === null || frame.doc !== id) return;
    if (frame.kind === "state")
      applyUpdates(doc, [decodeState(frame.payload)?.update ?? new Uint8Array()], FROM_ENGINE);
    if (frame.kind === "state") opened.resolve();
    if (frame.kind === "update") applyUpdates(doc, [frame.payload], FROM_ENGINE);
    if (frame.kind === "refused") opened.reject(new Error(new TextDecoder().decode(frame.payload)));
  });
  let number = 0;
  doc.on("update", (update: Uint8Array, origin: unknown) => {
    if (origin !== FROM_ENGINE) socket.send(encodeFrame("update", id, ++number, update));
  });
  // A page that has nothing: the state vector of an empty document is one zero.
  socket.send(encodeFrame("open", id, 0, new Uint8Array([0])));
  await opened.promise;
  return {
    text: doc.getText("context"),
    onChange: (changed: () => void) => void doc.on("update", changed),
  };
}

async function text(stream: NodeJS.ReadableStream): Promise<string> {
  let whole = "";
  for await (const chunk of stream) whole += String(chunk);
  return whole;
}
