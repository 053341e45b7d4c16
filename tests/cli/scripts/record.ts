/** `npm run record`: plays the scenario and writes docs/RELAY-RECORD.md. */
import { writeFile } from "node:fs/promises";
import { found, misshapen, unlisted } from "../record/checks.ts";
import { describeRecord } from "../record/document.ts";
import { play } from "../record/scenario.ts";

const { received, needles } = await play();
const faults = [
  ...unlisted(received),
  ...misshapen(received, needles),
  ...found(received, needles),
];
if (faults.length > 0) {
  console.error(`Nothing was written. The relay received what it may not:\n${faults.join("\n")}`);
  process.exitCode = 1;
} else {
  await writeFile(
    new URL("../../../docs/RELAY-RECORD.md", import.meta.url),
    describeRecord(received),
  );
  console.log("docs/RELAY-RECORD.md is written.");
}
