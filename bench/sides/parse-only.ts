/** The floor of an import: one thread that reads the same files and `JSON.parse`s every record, and keeps nothing. */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { zstdDecompressSync } from "node:zlib";
import { READERS } from "../../src/capture/capture.ts";
import { linesInside, placeInside } from "../../src/capture/database.ts";
import { findAll } from "../../src/capture/find.ts";
import { answer, input } from "../side.ts";

const { home } = input<{ home: string | null }>();
const found = await findAll({ home: home ?? homedir(), env: {}, readers: READERS });

const started = performance.now();
let bytes = 0;
let lines = 0;
for (const { file, reader } of found.files) {
  if (placeInside(file.path) !== null && reader?.database) {
    for (const block of linesInside(reader.database, file.path)) {
      bytes += block.length;
      for (const line of block.toString("utf8").split("\n")) lines += parse(line);
    }
    continue;
  }
  const raw = readFileSync(file.path);
  const whole = (file.path.endsWith(".zst") ? zstdDecompressSync(raw) : raw).toString("utf8");
  bytes += raw.length;
  for (const line of file.path.endsWith(".json") ? [whole] : whole.split("\n"))
    lines += parse(line);
}
answer({ ms: performance.now() - started, bytes, lines, files: found.files.length });

function parse(line: string): number {
  if (line === "") return 0;
  try {
    JSON.parse(line);
  } catch {
    // A damaged line is work all the same.
  }
  return 1;
}
