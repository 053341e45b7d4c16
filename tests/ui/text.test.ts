import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import type { EventRow } from "../../src/app/api.ts";
import { parseAnsi } from "../../src/ui/lib/ansi.ts";
import { compactCount, duration, listTime, money, sessionTitle } from "../../src/ui/lib/format.ts";
import { renderMarkdown } from "../../src/ui/lib/markdown.ts";
import { outline, visibleRows, workKey } from "../../src/ui/lib/outline.ts";
import { readInput, toolLine } from "../../src/ui/lib/toolView.ts";
import { oneLine, visible } from "../../src/ui/lib/visible.ts";

test("terminal colours become styles, everything else of the terminal goes", () => {
  expect(parseAnsi("a\u001b[1;31mb\u001b[0mc\u001b[2K\u001b]0;title\u0007d")).toEqual([
    { text: "a", style: "" },
    { text: "b", style: "ansi-red ansi-bold" },
    { text: "cd", style: "" },
  ]);
  expect(parseAnsi("10%\r50%\r100%\nnext")).toEqual([{ text: "100%\nnext", style: "" }]);
  expect(parseAnsi("\u001b[38;2;250;10;10mx\u001b[38;5;46my")).toEqual([
    { text: "x", style: "ansi-red" },
    { text: "y", style: "ansi-green" },
  ]);
});

test("an escape sequence cannot smuggle a mark that turns text", () => {
  expect(parseAnsi("\u001b[31m\u202ex").map((run) => run.text)).toEqual(["⟨RLO⟩x"]);
});

test("line ends and tabs stay, what hides or turns text is named", () => {
  expect(visible("a\r\nb\tc\u0000\u200b\u2066")).toBe("a\nb\tc⟨U+0000⟩⟨ZWSP⟩⟨LRI⟩");
  expect(oneLine("  a\n b\u0007 ")).toBe("a b⟨U+0007⟩");
  expect(visible("👩‍👩‍👧 é नमस्ते")).toBe("👩‍👩‍👧 é नमस्ते");
});

test("Markdown gives no HTML of its author, no image, and no link but http and https", () => {
  const html = renderMarkdown(
    "<b>x</b> ![a](http://e.org/p.png) [j](javascript:1) [v](vbscript:1) [h](https://e.org)\n\n# t",
  );
  expect(html).not.toMatch(/<b>|<img|javascript:1"|vbscript:1"|<h1/);
  expect(html).toContain('href="https://e.org" target="_blank" rel="noopener noreferrer"');
});

test("a link to a file of the agent's machine is its words, with the path on hover, and goes nowhere", () => {
  const html = renderMarkdown(
    'See [run.ts](/home/ada/my%20app/run.ts:12) and [**b**](../b"<i>.md).',
  );
  expect(html).toContain(
    '<span class="md-path" title="/home/ada/my app/run.ts:12">run.ts</span> and ' +
      '<span class="md-path" title="../b&quot;&lt;i&gt;.md"><strong>b</strong></span>.',
  );
  expect(
    renderMarkdown("[h](//e.org/x) [f](file:///etc/passwd) [d](data:text/html,x)"),
  ).not.toMatch(/<a|<span/);
});

test("numbers in words", () => {
  expect([0, 9_999, 12_345, 4_200_000].map(compactCount)).toEqual(["0", "9,999", "12 k", "4.2 M"]);
  expect([0, 0.004, 0.84, 1_234.5, null].map(money)).toEqual([
    "$0",
    "<$0.01",
    "$0.84",
    "$1,234.50",
    "unpriced",
  ]);
  expect([300, 41_000, 130_000, 7_500_000].map(duration)).toEqual([
    "0.3 s",
    "41 s",
    "2 m 10 s",
    "2 h 5 m",
  ]);
  expect(listTime(null, 0)).toBe("–");
  expect(listTime(1_000, 30_000)).toBe("now");
});

const event = (id: string, order: number, more: Partial<EventRow> = {}): EventRow => ({
  id,
  lane: null,
  kind: "tool",
  order,
  at: order,
  durationMs: null,
  status: "ok",
  model: null,
  tool: "Read",
  summary: id,
  opens: null,
  linesAdded: null,
  linesRemoved: null,
  changed: [],
  exitCode: null,
  rolledBack: false,
  tokens: null,
  costUsd: null,
  parts: [],
  partBytes: 0,
  ...more,
});

test("a tool's input is its command, its to-dos, what a sub-agent was asked, or its fields", () => {
  const tool = event("t", 1, { tool: "Bash" });
  expect(readInput('{"command":["bash","-lc","ls -la"],"workdir":"/x"}', tool, false)).toEqual({
    command: "ls -la",
    asked: null,
    todos: [],
    fields: [{ name: "workdir", value: "/x" }],
  });
  expect(readInput('{"plan":[{"step":"a","status":"completed"}]}', tool, false).todos).toEqual([
    { text: "a", state: "completed" },
  ]);
  expect(readInput("ls -la", tool, false).command).toBe("ls -la");
  expect(readInput("Look around", event("s", 1, { kind: "subagent" }), false).asked).toBe(
    "Look around",
  );
  const patch = event("p", 1, { tool: "apply_patch" });
  expect(readInput("*** Begin Patch", patch, false).fields).toEqual([
    { name: "", value: "*** Begin Patch" },
  ]);
  expect(readInput("*** Begin Patch", patch, true).fields).toEqual([]);
});

test("a command's line begins with what was run, not with the folder it was run in", () => {
  const line = (tool: string, summary: string): string =>
    toolLine(event("t", 1, { tool, summary }));
  expect(line("Bash", "cd /home/ada/ledger && npm test")).toBe("npm test");
  expect(line("exec_command", "cd '/home/ada/my ledger' && git log && ls")).toBe("git log && ls");
  expect(line("Bash", "cd /home/ada/ledger")).toBe("cd /home/ada/ledger");
  expect(line("Bash", "cd /home/ada; rm x && ls")).toBe("cd /home/ada; rm x && ls");
  expect(line("Grep", "cd a && b")).toBe("cd a && b");
});

test("events become prompts, folded work and a final response, whatever order they come in", () => {
  const events = [
    event("early", 1, { kind: "mode" }),
    event("p1", 2, { kind: "prompt" }),
    event("between", 3, { kind: "response" }),
    event("agent", 4, { kind: "subagent", opens: "lane" }),
    event("inner", 1, { lane: "lane" }),
    event("final", 6, { kind: "response" }),
    event("p2", 7, { kind: "prompt" }),
  ];
  for (const shuffled of [events, events.toReversed()]) {
    const shape = outline(shuffled);
    expect(
      shape.traces.map((trace) => [
        trace.id,
        trace.work.map((node) => node.event.id),
        trace.answer.map(({ id }) => id),
      ]),
    ).toEqual([
      ["start", ["early"], []],
      ["p1", ["between", "agent"], ["final"]],
      ["p2", [], []],
    ]);
    expect(shape.hiddenBy("inner")).toEqual(["w:p1", "l:agent"]);
    expect(shape.reading.map(({ event: { id } }) => id)).toEqual([
      "early",
      "p1",
      "between",
      "agent",
      "inner",
      "final",
      "p2",
    ]);
    const open = new Set([workKey("p1")]);
    expect(visibleRows(shape.traces, (key) => open.has(key)).map((row) => row.key)).toEqual([
      "w:start",
      "e:p1",
      "w:p1",
      "e:between",
      "e:agent",
      "e:final",
      "e:p2",
    ]);
  }
});

test("a lane that opens itself is shown once, and a lane nobody opened is not lost", () => {
  const looped = outline([
    event("p", 1, { kind: "prompt" }),
    event("a", 2, { opens: "x" }),
    event("b", 1, { lane: "x", opens: "x" }),
  ]);
  expect(looped.reading.map(({ event: { id } }) => id)).toEqual(["p", "a", "b"]);
  const loose = outline([event("p", 1, { kind: "prompt" }), event("lost", 5, { lane: "y" })]);
  expect(loose.reading.map(({ event: { id } }) => id)).toEqual(["p", "lost"]);
});

test("a response is final though something was rolled back after it, or a sub-agent stands behind it", () => {
  const [trace] = outline([
    event("p", 1, { kind: "prompt" }),
    event("t", 2, { changed: ["a, b.ts"], summary: "a, b.ts" }),
    event("final", 3, { kind: "response" }),
    event("gone", 4, { kind: "prompt", rolledBack: true }),
    event("said", 5, { kind: "response", rolledBack: true }),
    event("lost", 6, { lane: "y" }),
  ]).traces;
  expect(trace?.answer.map(({ id }) => id)).toEqual(["final"]);
  expect(trace?.work.map((node) => node.event.id)).toEqual(["t", "lost"]);
  expect(trace?.undone.map((node) => node.event.id)).toEqual(["gone", "said"]);
  expect(trace?.sums).toMatchObject({ tools: 2, files: 1, startedAt: 1, endedAt: 6 });
});

test("text colours keep 4.5 : 1, marks 3 : 1, in light and dark", async () => {
  const css = await readFile(new URL("../../src/ui/styles/tokens.css", import.meta.url), "utf8");
  const themes = [...css.matchAll(/:root(?:\[[^\]]*\])? \{([^}]*)\}/g)]
    .map(([, body = ""]) =>
      Object.fromEntries(
        [...body.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name, value]) => [name, value]),
      ),
    )
    .filter((tokens) => "bg" in tokens) as Record<string, string>[];
  expect(themes).toHaveLength(2);
  for (const tokens of themes) {
    const ratio = (a: string, b: string): number => contrast(tokens[a] ?? "", tokens[b] ?? "");
    for (const ground of ["bg", "panel", "raised", "hover", "sel"]) {
      for (const text of ["text", "muted", "faint"])
        expect(ratio(text, ground), `${text} on ${ground}`).toBeGreaterThanOrEqual(4.5);
    }
    for (const ground of ["bg", "panel", "raised"]) {
      const words = [
        "accent",
        "error",
        "add",
        "del",
        "decision",
        "tool",
        ...["red", "green", "yellow", "blue", "magenta", "cyan", "gray"].map(
          (name) => `ansi-${name}`,
        ),
      ];
      for (const text of words)
        expect(ratio(text, ground), `${text} on ${ground}`).toBeGreaterThanOrEqual(4.5);
    }
    for (const mark of [
      "prompt",
      "response",
      "tool",
      "subagent",
      "error",
      "decision",
      "live",
      "accent",
    ]) {
      for (const ground of ["bg", "hover", "sel"])
        expect(ratio(mark, ground), `${mark} on ${ground}`).toBeGreaterThanOrEqual(3);
    }
    for (let i = 0; i < 8; i++) {
      expect(ratio("who-text", `who-${i}`), `a name on ${i}`).toBeGreaterThanOrEqual(4.5);
      expect(ratio(`who-${i}`, "bg"), `who-${i}`).toBeGreaterThanOrEqual(3);
    }
    expect(ratio("accent-text", "accent")).toBeGreaterThanOrEqual(4.5);
    expect(ratio("mark-text", "mark")).toBeGreaterThanOrEqual(4.5);
    expect(ratio("text", "add-bg")).toBeGreaterThanOrEqual(4.5);
    expect(ratio("text", "del-bg")).toBeGreaterThanOrEqual(4.5);
    expect(ratio("faint", "add-bg")).toBeGreaterThanOrEqual(4.5);
    expect(ratio("faint", "del-bg")).toBeGreaterThanOrEqual(4.5);
  }
});

function contrast(a: string, b: string): number {
  const [light, dark] = [luminance(a), luminance(b)].toSorted((x, y) => y - x) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.040_45 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

test("a session without a title is named by its project", () => {
  const project = { id: "proj_1", name: "signal-box", path: null };
  expect(sessionTitle({ title: "Tides\u202e", project })).toBe(oneLine("Tides\u202e"));
  expect(sessionTitle({ title: null, project })).toBe("Session in signal-box");
  expect(sessionTitle({ title: null, project: null })).toBe("Untitled session");
  expect(sessionTitle(undefined)).toBe("Untitled session");
});
