/** Events with marked texts wherever a transcript can hold a text: the marks must not come out. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { EVENT_KINDS, PART_NAMES, type CapturedEvent } from "../../src/base/session.ts";
import { shareEvent, shareMeta, type LocalEvent } from "../../src/privacy/gate.ts";
import { CONTEXT, EVENT, HOST, PROJECT, SESSION } from "./given.ts";

const TOOLS =
  "Bash Read Edit Write MultiEdit NotebookEdit LS Glob Grep Task TodoWrite WebFetch Skill AskUserQuestion shell exec_command apply_patch read_file list_dir grep_files view_image update_plan mcp__bank__x unknown".split(
    " ",
  );
const SHARED_FIELDS =
  "file_path notebook_path path pattern glob include dir_path command cmd input patch".split(" ");
const OTHER_FIELDS =
  "description prompt content old_string new_string edits todos url query plan questions skill args chars workdir note title justification __proto__ toString".split(
    " ",
  );
const LISTED_FIELDS =
  "output_mode subagent_type model status edit_mode -A -n -i limit offset timeout run_in_background".split(
    " ",
  );

/** Texts with the mark that no rule admits: prose, code, secrets, quotes. */
const markedText = fc.constantFrom(
  "please look at the canary of the bank today",
  "const canary = 'x';",
  'say "canary" now',
  "`canary`",
  "(canary;)",
  "KEY=canary;",
  "a\ncanary\nb",
  "*** Begin Patch\n*** Update File: a.ts\n+canary\n-canary\n*** End Patch",
  "cat <<EOF\ncanary\nEOF",
  "X='canary canary' run",
  "https://canary.example/x?y=1",
  "bob@canary.com",
  "canary.corp.internal",
  "/home/canary/x",
  "~/canary",
  "../../../canary",
  "C:\\canary\\x",
  "sk-ant-canary0123456789",
  "ghp_canary0123456789012345678901234567",
);
const nested = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    markedText,
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom("canary", "text", ...SHARED_FIELDS), tie("value"), {
      maxKeys: 3,
    }),
  ),
})).value;
const plainMark = fc.oneof(fc.constant("canary"), nested);

function inputOf(shared: fc.Arbitrary<unknown>): fc.Arbitrary<Record<string, unknown>> {
  const entry = fc.oneof(
    fc.tuple(fc.constantFrom(...SHARED_FIELDS), shared),
    fc.tuple(fc.constantFrom(...OTHER_FIELDS, ...LISTED_FIELDS), plainMark),
  );
  return fc.array(entry, { maxLength: 8 }).map((entries) => Object.fromEntries(entries));
}

const captured = fc.record({
  kind: fc.constantFrom(...EVENT_KINDS),
  lane: fc.constantFrom(null, "canary", "agent-canary"),
  opens: fc.constantFrom(null, "canary"),
  model: fc.constantFrom(null, "canary", "gpt-5-canary", "claude-canary-4"),
  summary: fc.constantFrom(null, "canary"),
  callKey: fc.constantFrom(null, "canary"),
  parts: fc.array(
    fc.record({ name: fc.constantFrom(...PART_NAMES), body: fc.constant("canary") }),
    { maxLength: 3 },
  ),
  tool: fc.record({
    name: fc.oneof(fc.constantFrom(...TOOLS), fc.constant("canary")),
    input: inputOf(nested),
  }),
  title: fc.constant("canary"),
  prompt: fc.constant("canary"),
});

function share(more: Partial<CapturedEvent>): string {
  return JSON.stringify(shareEvent({ ...EVENT, ...more } as LocalEvent, CONTEXT));
}

test("P1: no marked text comes out of any field of any event", () => {
  fc.assert(
    fc.property(captured, (event) => {
      expect(share(event)).not.toMatch(/canary/i);
    }),
    { numRuns: 3_000 },
  );
});

test("P2: no marked text comes out of any field of a session", () => {
  const marked = fc.oneof(
    markedText,
    fc.constant("canary"),
    fc.constant("canary-0000-4000-8000-000000000001"),
  );
  fc.assert(
    fc.property(marked, marked, marked, (a, b, c) => {
      const session = {
        ...SESSION,
        sourceId: a,
        agentVersion: b,
        title: a,
        cwd: b,
        gitBranch: c,
        host: c,
        user: a,
      };
      const usage = SESSION.usage.map((row) => ({ ...row, model: c }));
      expect(JSON.stringify(shareMeta({ ...session, usage }))).not.toMatch(/canary/i);
    }),
  );
});

test("P5: a plain marked word comes out only where a rule admits it, under its listed name", () => {
  fc.assert(
    fc.property(fc.constantFrom(...TOOLS), inputOf(fc.constant("canary")), (name, input) => {
      const { tool } = shareEvent({ ...EVENT, tool: { name, input } }, CONTEXT);
      for (const [field, value] of Object.entries(tool?.input ?? {})) {
        if (JSON.stringify(value).includes("canary")) {
          expect(["path", "glob", "pattern", "command"]).toContain(field);
          expect(["canary", "web/canary"]).toContain(value);
        }
      }
      expect(tool?.name).not.toContain("canary");
    }),
  );
});

test("P6: no absolute path, home, way out, user or host comes out of any field that may hold a path", () => {
  const place = fc.constantFrom(
    PROJECT,
    "/home/alice",
    "/home/alice/other",
    "/",
    "~",
    "~root",
    "..",
    "../..",
    ".",
    "C:\\Users\\alice",
    "\\\\box",
    "/etc",
    `//${HOST}`,
    `/mnt/${HOST}`,
    "file://",
    "$HOME",
    "%USERPROFILE%",
    "/Users/alice",
  );
  const piece = fc.constantFrom(
    "src",
    "a.ts",
    "..",
    ".",
    "~",
    "alice",
    "ALICE",
    HOST,
    "alices-laptop",
    "",
    "*",
    "**",
    "{a,..}",
    "x y",
    "\\",
    "home",
    "alice.md",
    "-alice-",
  );
  const path = fc
    .tuple(place, fc.array(piece, { maxLength: 6 }), fc.constantFrom("/", "\\"))
    .map(([start, rest, joint]) => [start, ...rest].join(joint));
  const text = fc.oneof(
    path,
    path.map((p) => `cat ${p}`),
    path.map((p) => `X=${p} run ${p}`),
    path.map((p) => `foo|${p}`),
    path.map((p) => `*** Add File: ${p}\n+x`),
  );
  fc.assert(
    fc.property(
      fc.constantFrom(...TOOLS),
      inputOf(fc.oneof(text, fc.array(text, { maxLength: 3 }))),
      (name, input) => {
        const { tool } = shareEvent({ ...EVENT, tool: { name, input } }, CONTEXT);
        for (const value of Object.values(tool?.input ?? {}).flat()) {
          if (typeof value !== "string") continue;
          expect(value).not.toMatch(
            /^[/\\]|^[A-Za-z]:|~|(?:^|[/\\])\.\.(?:[/\\]|$)|\balices?\b|laptop|Users/i,
          );
        }
      },
    ),
    { numRuns: 3_000 },
  );
});

test("P13: no name of this person or machine comes out, in any case, in any text", () => {
  const name = fc.constantFrom(
    "alice",
    "Alice",
    "ALICE",
    HOST,
    HOST.toUpperCase(),
    "alices-laptop",
  );
  const around = fc.constantFrom("", "-", "_", ".", " ", "/");
  const text = fc
    .tuple(around, name, around)
    .map(([a, n, b]) => `x${a === "" ? "-" : a}${n}${b === "" ? "" : `${b}y`}`);
  fc.assert(
    fc.property(fc.constantFrom(...TOOLS), inputOf(text), (tool, input) => {
      expect(share({ tool: { name: tool, input } })).not.toMatch(/alice|laptop/i);
    }),
  );
});
