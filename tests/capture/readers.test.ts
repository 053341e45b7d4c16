import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { aider } from "../../src/capture/aider.ts";
import { amp } from "../../src/capture/amp.ts";
import { claudeCode } from "../../src/capture/claude-code.ts";
import { cline, roo } from "../../src/capture/cline.ts";
import { codex } from "../../src/capture/codex.ts";
import { copilotCli } from "../../src/capture/copilot-cli.ts";
import { cursor } from "../../src/capture/cursor.ts";
import { factoryDroid } from "../../src/capture/factory-droid.ts";
import { geminiCli } from "../../src/capture/gemini-cli.ts";
import { pi } from "../../src/capture/pi.ts";
import { linesInside, sessionsInside } from "../../src/capture/database.ts";
import { openCode } from "../../src/capture/opencode.ts";
import { goose } from "../../src/capture/goose.ts";
import type { Reader } from "../../src/capture/reader.ts";
import { readerContract, type Sample } from "./contract.ts";
import { COUNT, gooseDatabase, HARBOR, openCodeDatabase, openCodeExport } from "./databases.ts";
import { AGENTS, FIXTURES } from "./home.ts";

const EXTENSIONS = ".config/Code/User/globalStorage";

readerContract(claudeCode, samples(".claude/projects"));
readerContract(codex, [...samples(".codex/sessions"), ...samples(".codex/archived_sessions")]);

readerContract(geminiCli, samples(".gemini/tmp", AGENTS));
readerContract(copilotCli, samples(".copilot/session-state", AGENTS));
readerContract(pi, samples(".pi/agent/sessions", AGENTS));
readerContract(factoryDroid, samples(".factory/sessions", AGENTS));
readerContract(cursor, samples(".cursor/projects", AGENTS));

readerContract(cline, samples(`${EXTENSIONS}/saoudrizwan.claude-dev/tasks`, AGENTS));
readerContract(roo, samples(`${EXTENSIONS}/rooveterinaryinc.roo-cline/tasks`, AGENTS));

readerContract(openCode, [
  ...samples("opencode", AGENTS).map((sample) => ({ ...sample, named: true })),
  ...inside(openCode, "opencode.db", (path) =>
    openCodeDatabase(path, [HARBOR, COUNT].map(openCodeExport)),
  ),
]);

const HISTORY = "work/tally/.aider.chat.history.md";
readerContract(aider, [
  { path: HISTORY, text: readFileSync(join(AGENTS, HISTORY), "utf8"), named: true },
]);

readerContract(amp, samples(".local/share/amp/threads", AGENTS));

readerContract(goose, inside(goose, "sessions.db", gooseDatabase));

/** The sessions in a database as lines. */
function inside(reader: Reader, name: string, make: (path: string) => DatabaseSync): Sample[] {
  const folder = mkdtempSync(join(tmpdir(), "operon-contract-"));
  const { database } = reader;
  if (database === null) return [];
  make(join(folder, name)).close();
  const found = sessionsInside(database, {
    path: join(folder, name),
    inode: 1,
    sizeBytes: 1,
    mtimeMs: 1,
  });
  const read = found.map(({ path }) => ({
    path: relative(folder, path),
    text: Buffer.concat([...linesInside(database, path)]).toString(),
  }));
  rmSync(folder, { recursive: true });
  return read;
}

function samples(root: string, home = FIXTURES): Sample[] {
  const folder = join(home, root);
  return globSync("**/*.{jsonl,json,md}", { cwd: folder }).map((path) => ({
    path,
    text: readFileSync(join(folder, path), "utf8"),
  }));
}
