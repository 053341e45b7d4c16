/** Holds a store until it is killed. Argument: folder. */
import { systemClock } from "../../../src/base/clock.ts";
import { silentLog } from "../../../src/base/log.ts";
import { unwrap } from "../../../src/base/result.ts";
import { openStore } from "../../../src/store/store.ts";

unwrap(await openStore({ folder: process.argv[2] ?? "", clock: systemClock, log: silentLog }));
console.log("held");
setInterval(() => undefined, 60_000);
