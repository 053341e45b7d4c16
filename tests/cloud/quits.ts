/** Signs up, listens, closes, and prints how many milliseconds the process lived after that. */
import { systemClock } from "../../src/base/clock.ts";
import { systemRandom } from "../../src/base/random.ts";
import { unwrap } from "../../src/base/result.ts";
import { createTeam } from "../../src/cloud/teams.ts";
import { createTransport } from "../../src/cloud/transport.ts";
import { means, newAccount, PASSPHRASE } from "./server.ts";

const [url = "", anonKey = ""] = process.argv.slice(2);
const { connection, seat } = await newAccount(
  { url, anonKey },
  `quits-${systemRandom(4).join("")}@example.org`,
);
const { keys } = unwrap(await createTeam(connection, PASSPHRASE, seat, means));
await new Promise<void>((resolve) => {
  const stop = createTransport(connection).listen(keys.team, ({ is }) => {
    if (is !== "ready") return;
    stop();
    resolve();
  });
});
// Another one is open when the connection closes.
await new Promise<void>((resolve) => {
  createTransport(connection).listen(keys.team, ({ is }) => is === "ready" && resolve());
});
await connection.close();
const closedMs = systemClock.monotonicMs();
process.on("exit", () => process.stdout.write(String(systemClock.monotonicMs() - closedMs)));
