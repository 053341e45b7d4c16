/** Signs up, listens, closes, and prints how many milliseconds the process lived after that. */
import { systemClock } from "../../src/base/clock.ts";
import { systemRandom } from "../../src/base/random.ts";
import { foundedBy, someoneAt } from "./team.ts";

const [url = "", anonKey = ""] = process.argv.slice(2);
const owner = await someoneAt({ url, anonKey }, `quits-${systemRandom(4).join("")}@example.org`);
const { id, keys } = await foundedBy(owner);
await new Promise<void>((resolve) => {
  const stop = owner.transport.listen(id, keys.epoch, ({ is }) => {
    if (is !== "ready") return;
    stop();
    resolve();
  });
});
// Another one is open when the connection closes.
await new Promise<void>((resolve) => {
  owner.transport.listen(id, keys.epoch, ({ is }) => is === "ready" && resolve());
});
await owner.connection.close();
const closedMs = systemClock.monotonicMs();
process.on("exit", () => process.stdout.write(String(systemClock.monotonicMs() - closedMs)));
