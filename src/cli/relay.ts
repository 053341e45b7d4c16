import { join, resolve } from "node:path";
import { systemClock } from "../base/clock.ts";
import { systemRandom } from "../base/random.ts";
import { FaultError } from "../base/result.ts";
import { stderrLog } from "../app/log.ts";
import { noArguments, UsageError, type Command } from "./command.ts";
import { ended } from "./open.ts";
import { print, printJson, say } from "./output.ts";
import { readCount } from "./words.ts";

const DEFAULT_PORT = 8767;

export const relay: Command = {
  usage: ["relay [--port PORT] [--host ADDRESS] [--data DIR] [--json]"],
  about:
    "The self-hosted server, until you end it. It stores what it cannot read. PORT 0 is any free one; DIR keeps accounts and\n" +
    "rows. It speaks http on this machine alone: put a TLS proxy in front for others.",
  options: { port: { type: "string" }, host: { type: "string" }, data: { type: "string" } },
  async run(context) {
    noArguments(context);
    const port = portOf(context.option("port"));
    const data = context.option("data");
    const { startRelay } = await import("../../relay/server.ts");
    const running = await startRelay({
      port,
      host: context.option("host") ?? "127.0.0.1",
      dataFolder: data === null ? join(context.profile.root, "relay") : resolve(data),
      clock: systemClock,
      random: systemRandom,
      log: stderrLog(process.env["OPERON_LOG"]),
    }).catch((error: NodeJS.ErrnoException) => {
      const reason = LISTEN_FAULTS[error.code ?? ""];
      if (reason === undefined) throw error;
      throw new FaultError({
        type: "port-taken",
        message: `The relay cannot listen on port ${port}: ${reason} Nothing was changed.`,
      });
    });
    const { url, anonKey } = running;
    if (context.json) printJson({ url, anonKey });
    else {
      print(`url  ${url}`);
      print(`key  ${anonKey}`);
      say("Both are for operon signup on each device. Ctrl-C ends the relay; its data stays.");
    }
    await ended(context, new Promise(() => undefined));
    await running.close();
    return 0;
  },
};

const LISTEN_FAULTS: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program listens on it. Choose another with --port, or 0 for any free one.",
  EACCES: "it needs more rights. Choose one above 1023 with --port, or 0 for any free one.",
  EADDRNOTAVAIL: "this machine does not have the address given with --host.",
  ENOTFOUND: "there is no address of the name given with --host.",
};

function portOf(text: string | null): number {
  const port = text === null ? DEFAULT_PORT : readCount(text, "port");
  if (port > 65_535) throw new UsageError(`--port goes to 65535, not to ${port}.`);
  return port;
}
