/** On a small disk. Arguments: folder; `fill` (until it is full), `count` or `again`. Prints one line of JSON. */
import { systemClock } from "../../../src/base/clock.ts";
import { silentLog } from "../../../src/base/log.ts";
import { FaultError } from "../../../src/base/result.ts";
import { type Store, openStore } from "../../../src/store/store.ts";
import { batch, event } from "../captures.ts";

const [folder = "", what = ""] = process.argv.slice(2);
const opened = await openStore({ folder, clock: systemClock, log: silentLog });
if (!opened.ok) {
  console.log(JSON.stringify(opened.fault));
  process.exit(1);
}
const store = opened.value;
if (what === "fill") console.log(JSON.stringify(await fill(store)));
if (what === "count") {
  const { sessions } = await store.views.counts();
  console.log(
    JSON.stringify({
      sessions,
      settings: (await store.settings.all("n/")).size,
      notices: store.notices,
    }),
  );
}
if (what === "again") {
  await store.capture.commit([batch("again")]);
  await store.settings.set("again", true);
  console.log(JSON.stringify({ wrote: true }));
}
await store.close();

async function fill(full: Store): Promise<unknown> {
  let [sessions, settings] = [0, 0];
  for (;;) {
    try {
      await full.capture.commit([
        batch(`s${sessions}`, { events: [event(`e${sessions}`, { text: "x".repeat(400_000) })] }),
      ]);
      sessions++;
      await full.settings.set(`n/${settings}`, "y".repeat(1_000));
      settings++;
    } catch (error) {
      if (!(error instanceof FaultError)) throw error;
      return { ...error.fault, sessions, settings, next: await typeOf(full) };
    }
  }
}

/** Asked again, a database that stopped says so at once. */
async function typeOf(full: Store): Promise<string> {
  return full.capture
    .commit([batch("next", { events: [event("next", { text: "x".repeat(8_000_000) })] })])
    .then(
      () => "wrote",
      (error: unknown) => (error instanceof FaultError ? error.fault.type : String(error)),
    );
}
