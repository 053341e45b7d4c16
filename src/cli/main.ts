/** `operon`: finds the command, reads its options, runs it, and ends as it ended (0 done, 1 failed, 2 asked for wrongly). */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { systemClock } from "../base/clock.ts";
import { systemRandom } from "../base/random.ts";
import { FaultError } from "../base/result.ts";
import { connectOrRun, type Reached } from "../app/client.ts";
import { knownFault } from "../app/faults.ts";
import { stderrLog } from "../app/log.ts";
import { makeProfile, profileOf, PROGRAM_ROOT } from "../app/paths.ts";
import type { Input, Method, Progress } from "../app/api.ts";
import { UsageError, type Command, type CommandContext } from "./command.ts";
import { clearProgress, flushed, print, say, showProgress } from "./output.ts";

interface Listed {
  readonly about: string;
  load(): Promise<Command>;
}

const COMMANDS: Readonly<Record<string, Listed>> = {
  open: {
    about: "start the engine and its interface (also: operon alone)",
    load: async () => (await import("./open.ts")).open,
  },
  import: {
    about: "capture what lies on this machine, and end",
    load: async () => (await import("./import.ts")).importCommand,
  },
  watch: { about: "capture as it happens", load: async () => (await import("./watch.ts")).watch },
  sessions: { about: "list sessions", load: async () => (await import("./sessions.ts")).sessions },
  show: {
    about: "one session's traces and events",
    load: async () => (await import("./show.ts")).show,
  },
  search: {
    about: "full text over everything local",
    load: async () => (await import("./search.ts")).search,
  },
  usage: { about: "tokens and cost", load: async () => (await import("./usage.ts")).usage },
  export: {
    about: "one session as a file: a page, an Agent Trace record, OpenTelemetry traces",
    load: async () => (await import("./export.ts")).exportCommand,
  },
  decision: {
    about: "decision records: list, new, show, edit, export, import",
    load: async () => (await import("./decision.ts")).decision,
  },
  alarms: {
    about: "what a server gave that could not be verified",
    load: async () => (await import("./alarms.ts")).alarms,
  },
  signup: { about: "make an account", load: async () => (await import("./account.ts")).signup },
  login: { about: "sign in", load: async () => (await import("./account.ts")).login },
  password: {
    about: "another password for the account",
    load: async () => (await import("./account.ts")).password,
  },
  logout: {
    about: "sign out on this device, or everywhere",
    load: async () => (await import("./account.ts")).logout,
  },
  team: {
    about: "teams: list, create, invite, join",
    load: async () => (await import("./team.ts")).team,
  },
  project: {
    about: "projects: list, link to a team, unlink",
    load: async () => (await import("./project.ts")).project,
  },
  share: {
    about: "share sessions with their project's team",
    load: async () => (await import("./share.ts")).share,
  },
  unshare: {
    about: "take shared sessions back",
    load: async () => (await import("./share.ts")).unshare,
  },
  sync: {
    about: "send and fetch what is shared",
    load: async () => (await import("./sync.ts")).sync,
  },
  relay: { about: "the self-hosted server", load: async () => (await import("./relay.ts")).relay },
  doctor: {
    about: "check this installation",
    load: async () => (await import("./doctor.ts")).doctor,
  },
};

const GLOBAL_OPTIONS = {
  json: { type: "boolean" },
  home: { type: "string" },
  profile: { type: "string" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean" },
} as const satisfies ParseArgsOptionsConfig;

const GLOBAL_HELP = `  --json           print one JSON value on standard output
  --home DIR       look for agents' files under DIR instead of your home
  --profile NAME   another set of data beside the usual one ("default")
  --help           this, or a command's own help
  --version        the version
OPERON_HOME chooses the folder that holds the data.`;

async function main(argv: readonly string[]): Promise<number> {
  const { name, rest } = commandOf(argv);
  if (rest.includes("--version") && name === null) {
    print(versionOf());
    return 0;
  }
  if (name === null && (rest.includes("--help") || rest.includes("-h"))) {
    print(helpOfAll());
    return 0;
  }
  const listed = Object.hasOwn(COMMANDS, name ?? "open") ? COMMANDS[name ?? "open"] : undefined;
  if (listed === undefined)
    throw new UsageError(`There is no command "${name}". "operon --help" lists them.`);
  const command = await listed.load();
  const { values, positionals } = parse(command, rest);
  if (values["help"] === true) {
    print(helpOf(command));
    return 0;
  }
  const { context, close } = contextOf(values, positionals);
  try {
    return await command.run(context);
  } catch (error) {
    if (error instanceof UsageError)
      throw new UsageError(`${error.message}\n\n${usageOf(command)}`);
    throw error;
  } finally {
    await close();
  }
}

/** The first word that is no option is the command. */
function commandOf(argv: readonly string[]): { name: string | null; rest: readonly string[] } {
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] as string;
    if (word === "--home" || word === "--profile") i++;
    else if (!word.startsWith("-")) return { name: word, rest: argv.toSpliced(i, 1) };
  }
  return { name: null, rest: argv };
}

function parse(command: Command, argv: readonly string[]) {
  const options = { ...command.options, ...GLOBAL_OPTIONS };
  try {
    return parseArgs({
      args: joinValues(argv, options),
      options,
      allowPositionals: true,
      strict: true,
    });
  } catch (error) {
    const sentence = (error as Error).message.split(". ", 1)[0] ?? "";
    throw new UsageError(`${sentence}.\n\n${usageOf(command)}`);
  }
}

/** `--context "- a list"` is a value that begins with a dash, not an option. */
function joinValues(argv: readonly string[], options: ParseArgsOptionsConfig): string[] {
  const joined: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] as string;
    if (word === "--") return [...joined, ...argv.slice(i)];
    const next = argv[i + 1];
    const takesValue = word.startsWith("--") && options[word.slice(2)]?.type === "string";
    const isOption =
      next === undefined || Object.hasOwn(options, next.replace(/^--/, "").split("=", 1)[0] ?? "");
    if (takesValue && next !== undefined && !(next.startsWith("--") && isOption)) {
      joined.push(`${word}=${next}`);
      i++;
    } else joined.push(word);
  }
  return joined;
}

function tell({ done, total, what }: Progress): void {
  showProgress(total > 0 ? `${what} ${done} of ${total}` : `${what} ${done}`);
}

const OPENING_PATIENCE_MS = 2_000;
const CLOSING_PATIENCE_MS = 10_000;

type Values = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

function contextOf(
  values: Values,
  args: readonly string[],
): { context: CommandContext; close(): Promise<void> } {
  const option = (name: string): string | null => {
    const value = values[name];
    return typeof value === "string" ? value : null;
  };
  const profile = profileOf(option("profile") ?? undefined);
  const home = option("home");
  if (home !== null && !existsSync(home)) {
    throw new FaultError({
      type: "no-file",
      message: `There is no folder ${resolve(home)} (--home). Nothing was done.`,
    });
  }
  const abort = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => abort.abort(signal));
  }
  let reaching: Promise<Reached> | undefined;
  const reach = (): Promise<Reached> => {
    if (reaching === undefined) {
      makeProfile(profile);
      reaching = connectOrRun({
        profile,
        home: home === null ? null : resolve(home),
        env: process.env,
        version: versionOf(),
        clock: systemClock,
        random: systemRandom,
        log: stderrLog(process.env["OPERON_LOG"]),
      });
      reaching.then(
        (reached) => {
          if (reached.kind === "own") for (const notice of reached.engine.notices) say(notice);
        },
        () => undefined,
      );
    }
    return reaching;
  };
  const context: CommandContext = {
    args,
    option,
    flag: (name) => values[name] === true,
    json: values["json"] === true,
    home: home === null ? null : resolve(home),
    profile,
    signal: abort.signal,
    reach,
    forget: () => void (reaching = undefined),
    async call<M extends Method>(method: M, input: Input<M>) {
      const interrupted = rejectWhenAborted(abort.signal);
      try {
        for (;;) {
          const reached = await Promise.race([reach(), interrupted.promise]);
          try {
            return await Promise.race([
              reached.client.call(method, input, tell),
              interrupted.promise,
            ]);
          } catch (error) {
            // An engine that was just ending did nothing: the next one is asked.
            if (!(error instanceof FaultError) || error.fault.type !== "engine-stopping")
              throw error;
            await reached.close();
            reaching = undefined;
          }
        }
      } finally {
        interrupted.stop();
        clearProgress();
      }
    },
  };
  return {
    context,
    async close() {
      const opening = reaching?.catch(() => null);
      // What is still being opened when a person ends it is left as a kill would leave it: whole.
      const reached = await (abort.signal.aborted
        ? Promise.race([opening, pause(OPENING_PATIENCE_MS)])
        : opening);
      const closed = reached?.close();
      // A server that does not answer is not waited for either.
      await (abort.signal.aborted ? Promise.race([closed, pause(CLOSING_PATIENCE_MS)]) : closed);
    },
  };
}

function rejectWhenAborted(signal: AbortSignal): { promise: Promise<never>; stop(): void } {
  let stop = (): void => undefined;
  const promise = new Promise<never>((_, reject) => {
    const onAbort = (): void =>
      reject(
        new FaultError({
          type: "interrupted",
          message:
            "Interrupted. What was kept so far is kept; run it again to go on where it stopped.",
        }),
      );
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort);
    stop = () => signal.removeEventListener("abort", onAbort);
  });
  promise.catch(() => undefined);
  return { promise, stop };
}

function versionOf(): string {
  return (
    JSON.parse(readFileSync(join(PROGRAM_ROOT, "package.json"), "utf8")) as { version: string }
  ).version;
}

function helpOfAll(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length));
  const lines = Object.entries(COMMANDS).map(
    ([name, { about }]) => `  ${name.padEnd(width)}  ${about}`,
  );
  return [
    "Captures what coding agents did on this machine, keeps it, and shares what you choose, end-to-end encrypted.",
    "",
    "operon COMMAND [OPTIONS]",
    ...lines,
    "",
    GLOBAL_HELP,
  ].join("\n");
}

function usageOf(command: Command): string {
  return command.usage.map((line) => `operon ${line}`).join("\n");
}

function helpOf(command: Command): string {
  return `${usageOf(command)}\n\n${command.about}\n\n${GLOBAL_HELP}`;
}

/** A sentence for what was expected to fail; the whole trace for what was not. */
function report(error: unknown): number {
  if (error instanceof UsageError) {
    say(error.message);
    return 2;
  }
  const known = knownFault(error);
  if (known !== null) {
    say(known.message);
    return 1;
  }
  say(
    `Operon failed in a way it should not. What was kept before is kept.\n${error instanceof Error ? error.stack : String(error)}`,
  );
  return 1;
}

const code = await main(process.argv.slice(2)).catch(report);
await flushed();
process.exit(code);
