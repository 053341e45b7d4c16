/** Commits the batches that the store does not have, one after another, and says so. Arguments: folder, cache. */
import { silentLog } from "../../../src/base/log.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { unwrap } from "../../../src/base/result.ts";
import { openStore } from "../../../src/store/store.ts";
import { manyBatches } from "../many.ts";

const [folder = ""] = process.argv.slice(2);
const store = unwrap(await openStore({ folder, clock: systemClock, log: silentLog }));
const states = await store.capture.fileStates("claude-code");
for (const batch of manyBatches()) {
  const offset = states.get(batch.file.path)?.offset ?? 0;
  if (batch.file.offset <= offset) continue;
  console.log(`begin ${batch.file.path} ${batch.file.offset}`);
  await store.capture.commit([batch]);
  await store.settings.set(`seen/${batch.file.path}`, batch.file.offset);
  console.log(`done ${batch.file.path} ${batch.file.offset}`);
  await store.search.catchUp();
}
await store.close();
