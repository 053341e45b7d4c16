import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { claudeCode } from "../../src/capture/claude-code.ts";
import { codex } from "../../src/capture/codex.ts";
import { readerContract, type Sample } from "./contract.ts";
import { FIXTURES } from "./home.ts";

readerContract(claudeCode, samples(".claude/projects"));
readerContract(codex, [...samples(".codex/sessions"), ...samples(".codex/archived_sessions")]);

function samples(root: string): Sample[] {
  const folder = join(FIXTURES, root);
  return globSync("**/*.jsonl", { cwd: folder }).map((path) => ({
    path,
    text: readFileSync(join(folder, path), "utf8"),
  }));
}
