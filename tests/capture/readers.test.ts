import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { claudeCode } from "../../src/capture/claude-code.ts";
import { codex } from "../../src/capture/codex.ts";
import { copilotCli } from "../../src/capture/copilot-cli.ts";
import { cursor } from "../../src/capture/cursor.ts";
import { factoryDroid } from "../../src/capture/factory-droid.ts";
import { geminiCli } from "../../src/capture/gemini-cli.ts";
import { pi } from "../../src/capture/pi.ts";
import { readerContract, type Sample } from "./contract.ts";
import { AGENTS, FIXTURES } from "./home.ts";

readerContract(claudeCode, samples(".claude/projects"));
readerContract(codex, [...samples(".codex/sessions"), ...samples(".codex/archived_sessions")]);

readerContract(geminiCli, samples(".gemini/tmp", AGENTS));
readerContract(copilotCli, samples(".copilot/session-state", AGENTS));
readerContract(pi, samples(".pi/agent/sessions", AGENTS));
readerContract(factoryDroid, samples(".factory/sessions", AGENTS));
readerContract(cursor, samples(".cursor/projects", AGENTS));

function samples(root: string, home = FIXTURES): Sample[] {
  const folder = join(home, root);
  return globSync("**/*.{jsonl,json,md}", { cwd: folder }).map((path) => ({
    path,
    text: readFileSync(join(folder, path), "utf8"),
  }));
}
