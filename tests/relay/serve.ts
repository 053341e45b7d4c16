/** A relay as a process of its own: `serve.ts FOLDER [PORT]`. One line on stdout when ready; the log goes to FOLDER.log. */
import { appendFileSync } from "node:fs";
import { startRelay } from "../../relay/server.ts";
import { systemClock } from "../../src/base/clock.ts";
import { systemRandom } from "../../src/base/random.ts";

const [dataFolder = "", port = "0"] = process.argv.slice(2);
const relay = await startRelay({
  dataFolder,
  port: Number(port),
  host: "127.0.0.1",
  clock: systemClock,
  random: systemRandom,
  log: (level, event, fields) =>
    appendFileSync(`${dataFolder}.log`, `${JSON.stringify({ level, event, ...fields })}\n`),
});
process.stdout.write(`${JSON.stringify({ url: relay.url, anonKey: relay.anonKey })}\n`);
process.on("SIGTERM", () => void relay.close());
