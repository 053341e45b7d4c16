import { describe, expect, test } from "vitest";
import { firstWord } from "../../src/privacy/command.ts";
import { shareModel, shareVersion } from "../../src/privacy/models.ts";
import { sharePattern } from "../../src/privacy/pattern.ts";
import { PLACE } from "./given.ts";

describe("P8: a search pattern", () => {
  test.each([
    "TODO|FIXME",
    "function\\s+\\w+",
    "use[A-Z]\\w+",
    "console\\.log",
    "(runStatus|newStatus)",
    "interface\\{\\}",
    "a{2,3}",
    "std::vector",
    "(?:import|export)",
    "^--red|--blue$",
    "encoding/json",
  ])("%j leaves", (pattern) => {
    expect(sharePattern(PLACE, pattern)).toBe(pattern);
  });

  test.each([
    ["longer than 80", "x ".repeat(41)],
    ["of two lines", "foo\nbar"],
    ["with a tab", "foo\tbar"],
    ["with a control character", "foo\u0007"],
    ["two words", "class Foo"],
    ["prose", "you have uncommitted changes"],
    ["a sentence", "Stop. Now"],
    ["a string", 'name: "bank"'],
    ["a string in backticks", "`bank`"],
    ["an assignment", "password=hunter2"],
    ["a pair", "admin:hunter2"],
    ["a statement", "return x;"],
    ["a body", "function f() { x }"],
    ["a comparison", "a<b"],
    ["a template", "#{x}"],
    ["an absolute path", "/etc/passwd"],
    ["an absolute path in an alternative", "foo|/etc/passwd"],
    ["a home", "~/.ssh"],
    ["a share", "\\\\box"],
    ["a way out", "../other"],
    ["a drive", "C:\\\\Users"],
    ["a URL", "https://bank.example"],
    ["a host", "db1.bank.internal"],
    ["a host with escaped dots", "api\\.bank\\.com"],
    ["an address", "bob@bank.com"],
    ["an IP address", "10.0.0.1"],
    ["an escaped IP address", "10\\.0\\.0\\.1"],
    ["a key", "ghp_abcdefghijklmnopqrstuvwxyz0123456789"],
    ["the beginning of a key", "sk-ant-api03"],
    ["a hash", "9f86d081884c7d659a2feaa0c55ad015"],
    ["an AWS secret", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"],
    ["a token", "eyJhbGciOiJIUzI1NiJ9"],
    ["a long number", "4111111111111111"],
    ["this person", "\\balice\\b"],
    ["this machine", "alices-laptop"],
    ["empty", " "],
    ["no text", 5],
  ])("%s stays", (_, pattern) => {
    expect(sharePattern(PLACE, pattern)).toBeNull();
  });
});

describe("P10: of a command only the program", () => {
  test.each([
    ["npm test", "npm"],
    ["  git commit -m 'x'", "git"],
    ["/usr/local/bin/python3 x.py", "python3"],
    ["./scripts/deploy.sh prod", "deploy.sh"],
    ["NODE_ENV=test CI=1 vitest run", "vitest"],
    ["cd /home/alice/bank && ls", "ls"],
    ["cd '/home/alice/my bank'; CI=1 ./gradlew build", "gradlew"],
    ['cd "/home/alice/bank" && cd src && make', "make"],
    ["cd /home/alice/bank", "cd"],
    ["cd $(leaked) && ls", "cd"],
    ["cd /home/alice/bank || leaked", "cd"],
    ["cd /home/alice && 'leaked word' x", null],
    ["cd /home/alice && /home/alice/bin/leaked", null],
    ["cat <<EOF\nleaked\nEOF", "cat"],
    ["ls;leaked", "ls"],
    ["ls|leaked", "ls"],
    ["make\nleaked", "make"],
    ["KEY='leaked value' run", null],
    ["KEY=$(leaked) run", null],
    ["'quoted program' x", null],
    ['"quoted" x', null],
    ["node_modules/.bin/vitest run", "vitest"],
    ["/home/alice/work/app/bin/run", "run"],
    ["/home/alice/bin/leaked", null],
    ["/usr/../home/alice/leaked", null],
    ["~/bin/leaked", null],
    ["../../../leaked", null],
    ["$HOME/bin/leaked", null],
    ["$LEAKED x", null],
    ["(leaked)", null],
    ["# a comment", null],
    ["{ leaked; }", null],
    ["`leaked`", null],
    ["ghp_abcdefghijklmnopqrstuvwxyz0123456789", null],
    ["/home/alice", null],
    ["10.0.0.1", null],
    ["db.bank.internal", null],
    ["x".repeat(41), null],
    ["lässig", null],
    ["", null],
  ])("%j is %j", (command, word) => {
    expect(firstWord(PLACE, command)).toBe(word);
  });

  test.each([
    [["bash", "-lc", "cargo build"], "cargo"],
    [["/bin/sh", "-c", "KEY='leaked' x"], null],
    [["bash", "script.sh"], "bash"],
    [["git", "commit", "-m", "leaked"], "git"],
    [["bash", "-lc", ["npm", "test"]], "npm"],
    [["bash", "-lc"], null],
    [[5], null],
    [[], null],
    [{ 0: "ls" }, null],
  ])("%j is %j", (command, word) => {
    expect(firstWord(PLACE, command)).toBe(word);
  });
});

describe("P12: a model", () => {
  test.each([
    "claude-opus-4-6",
    "claude-sonnet-4-5-20250929",
    "us.anthropic.claude-opus-4-20250514-v1:0",
    "gpt-5.3-codex-spark",
    "gpt-4o-mini",
    "o3-mini",
    "gemini-2.5-pro-preview-05-06",
    "deepseek-v3.1",
    "qwen3-coder-480b-a35b-instruct",
    "kimi-k2-0905-preview",
    "anthropic/claude-haiku-4.5",
    "claude-sonnet-4-5[1m]",
    "grok-code-fast-1",
  ])("%s is known", (id) => {
    expect(shareModel(id)).toBe(id);
  });

  test.each([
    "gpt-4o-bank-prod",
    "ft:gpt-4o:bank::abc123xyz",
    "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/x",
    "bank",
    "claude opus",
    "claude-opus-4\nleaked",
    "20250929",
    "claude-" + "4-".repeat(40),
    "<synthetic>",
    "",
  ])("%j is other", (id) => {
    expect(shareModel(id)).toBe("other");
  });

  test.each([
    ["2.1.39", "2.1.39"],
    ["0.143.0-alpha.3", "0.143.0-alpha.3"],
    ["1.0.0-bank", null],
    ["bank", null],
    ["1.0.0\nleaked", null],
    [5, null],
  ])("version %j leaves as %j", (version, shared) => {
    expect(shareVersion(version)).toBe(shared);
  });
});
