/** Runs `bin/operon` as people do, each device a data folder and a home of its own. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const BIN = fileURLToPath(new URL("../../bin/operon", import.meta.url));

/** What is captured: the project's own fixtures, or a home named by the environment. */
export const HOME =
  process.env["OPERON_CORPUS"] === undefined
    ? fileURLToPath(new URL("../fixtures/home", import.meta.url))
    : join(process.env["OPERON_CORPUS"], "home");

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output as JSON; throws with both outputs when it is none. */
  json<T>(): T;
}

export interface Device {
  readonly folder: string;
  /** The agents' files of this device. */
  readonly home: string;
  run(args: readonly string[], input?: string): Promise<Ran>;
  /** Throws unless it ends with 0. */
  json<T>(args: readonly string[], input?: string): Promise<T>;
  start(args: readonly string[]): Started;
  remove(): Promise<void>;
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ran>;
  /** Resolves with the first whole line of standard output. */
  readonly firstLine: Promise<string>;
  kill(signal: NodeJS.Signals): void;
}

export async function createDevice(home?: string): Promise<Device> {
  const root = await mkdtemp(join(tmpdir(), "operon-device-"));
  const folder = join(root, "data");
  const own = home ?? join(root, "home");
  await mkdir(own, { recursive: true });
  const {
    CLAUDE_CONFIG_DIR: _claude,
    CODEX_HOME: _codex,
    DBUS_SESSION_BUS_ADDRESS: _bus,
    ...rest
  } = process.env;
  const env = { ...rest, HOME: own, OPERON_HOME: folder };
  const start = (args: readonly string[]): Started => begin(args, env);
  const device: Device = {
    folder,
    home: own,
    start,
    run(args, input = "") {
      const started = start(args);
      started.child.stdin?.on("error", () => undefined);
      started.child.stdin?.end(input);
      return started.ended;
    },
    async json<T>(args: readonly string[], input?: string) {
      const ran = await device.run([...args, "--json"], input);
      if (ran.code !== 0)
        throw new Error(`operon ${args.join(" ")} ended with ${ran.code}: ${ran.stderr}`);
      return ran.json<T>();
    },
    remove: () => rm(root, { recursive: true, force: true, maxRetries: 5 }),
  };
  return device;
}

function begin(args: readonly string[], env: NodeJS.ProcessEnv): Started {
  const child = spawn(BIN, args, { env, stdio: ["pipe", "pipe", "pipe"], cwd: tmpdir() });
  let [stdout, stderr] = ["", ""];
  const firstLine = new Promise<string>((resolve, reject) => {
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
      const end = stdout.indexOf("\n");
      if (end >= 0) resolve(stdout.slice(0, end));
    });
    child.on("close", () =>
      reject(new Error(`operon ${args.join(" ")} ended without a line: ${stderr}`)),
    );
  });
  firstLine.catch(() => undefined);
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<Ran>((resolve) => {
    child.on("close", (code) =>
      resolve({
        code,
        stdout,
        stderr,
        json<T>() {
          try {
            return JSON.parse(stdout) as T;
          } catch {
            throw new Error(
              `operon ${args.join(" ")} printed no JSON.\nstdout: ${stdout.slice(0, 500)}\nstderr: ${stderr}`,
            );
          }
        },
      }),
    );
  });
  return { child, ended, firstLine, kill: (signal) => void child.kill(signal) };
}

/** Looks again until it is so, at most `timeoutMs`; each look is cheap. */
export async function until<T>(
  look: () => Promise<T | null | false> | T | null | false,
  timeoutMs = 20_000,
): Promise<T> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== null && found !== false) return found;
    if (performance.now() > endMs) throw new Error("it did not come to be so in time");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export interface Turn {
  readonly prompt: string;
  readonly response: string;
  /** A file that was read. */
  readonly file: string;
}

/** A transcript of Claude Code in this home, one prompt, one tool and one response a turn. Answers its path. */
export async function writeTranscript(
  home: string,
  id: string,
  cwd: string,
  turns: readonly Turn[],
  startMs = Date.parse("2026-05-04T10:00:00Z"),
): Promise<string> {
  const path = join(
    home,
    ".claude",
    "projects",
    cwd.replaceAll(/[^A-Za-z0-9-]/g, "-"),
    `${id}.jsonl`,
  );
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, turns.flatMap((turn, i) => linesOf(id, cwd, turn, i, startMs)).join(""));
  return path;
}

function linesOf(
  id: string,
  cwd: string,
  turn: Turn,
  index: number,
  startMs: number,
): readonly string[] {
  const uuid = (n: number): string =>
    `${id.slice(0, 24)}${String(index * 10 + n).padStart(12, "0")}`;
  const record = (n: number, type: string, rest: object): string =>
    `${JSON.stringify({
      parentUuid: n === 1 ? null : uuid(n - 1),
      isSidechain: false,
      userType: "external",
      cwd,
      sessionId: id,
      version: "2.1.100",
      gitBranch: "main",
      type,
      uuid: uuid(n),
      timestamp: new Date(startMs + (index * 10 + n) * 1_000).toISOString(),
      ...rest,
    })}\n`;
  const answer = (n: number, call: number, content: object): string =>
    record(n, "assistant", {
      requestId: `req_${id}_${index}_${call}`,
      message: {
        id: `msg_${id}_${index}_${call}`,
        type: "message",
        role: "assistant",
        model: "claude-sonnet-4-5-20250929",
        content: [content],
        stop_reason: null,
        usage: {
          input_tokens: 10,
          cache_creation_input_tokens: 200,
          cache_read_input_tokens: 1_000,
          output_tokens: 7 + index,
        },
      },
    });
  const tool = `toolu_${id.slice(0, 8)}_${index}`;
  return [
    record(1, "user", { message: { role: "user", content: turn.prompt } }),
    answer(2, 1, {
      type: "tool_use",
      id: tool,
      name: "Read",
      input: { file_path: join(cwd, turn.file) },
    }),
    record(3, "user", {
      message: {
        role: "user",
        content: [{ type: "tool_result", tool_use_id: tool, content: "1\tconst a = 1;" }],
      },
    }),
    answer(4, 2, { type: "text", text: turn.response }),
  ];
}
