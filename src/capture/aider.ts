/**
 * Aider: `.aider.chat.history.md` in a repository, for a person to name: it lies in no place of its own. One file has all
 * runs in it and is one session here.
 * Source: Aider-AI/aider, aider/io.py, aider/utils.py (`split_chat_history_markdown`), aider/coders/base_coder.py.
 *
 * - `# aider chat started at <local time>` begins a run; `#### ` is what a person typed, `> ` what Aider says, the rest the
 *   model's answer.
 * - Aider tells which file it edited, and asks before it does some things: the answer stands behind the question. What it
 *   edited is found in the answer before, in blocks of what to search and what to put there.
 * - What an answer spent is rounded, to hundreds or thousands of tokens and to cents. Of what is cached both is said in a
 *   second line, which nothing marks.
 * - Not recorded: any time but a run's begin, thinking apart from the answer, what a command gave, which model answered
 *   but the one that a run began with.
 */
import type { EventStatus, FilePatch, Tokens } from "../base/session.ts";
import { eventId, type Findings, type NewEvent } from "./findings.ts";
import { asObject, asString, asTime, oneLine, type JsonObject } from "./json.ts";
import { replacements, searchReplaceBlocks } from "./patches.ts";
import { costOfCall } from "./prices.ts";
import { mainOf, orderOf, PLAIN, type Identity, type LineReader, type Reader } from "./reader.ts";
import { toolFields } from "./tool.ts";

const AGENT = "aider";
const FILE = ".aider.chat.history.md";
const UNKNOWN_MODEL = "unknown";
const STARTED = /^# aider chat started at (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)/;
/** A longer block is told in pieces. */
const MAX_BLOCK_CHARS = 256 * 1024;

export const aider: Reader = {
  ...PLAIN,
  agent: AGENT,
  roots: () => [],
  format: () => "prose",
  isTranscript: () => false,
  recognises: (head) => startOf(head) !== null,
  async identify(path, head) {
    const steps = path.split(/[/\\]/);
    const isNamed = steps.at(-1) === FILE;
    const name = (isNamed ? steps.at(-2) : undefined) ?? steps.at(-1) ?? "";
    const identity = mainOf(`${name} ${startOf(head) ?? ""}`.trim());
    return isNamed ? { ...identity, cwd: steps.slice(0, -1).join("/") } : identity;
  },
  open: (identity, state) => openHistory(identity, readState(state)),
};

function startOf(head: readonly JsonObject[]): string | null {
  for (const { text } of head) {
    const started = STARTED.exec(asString(text) ?? "");
    if (started !== null) return `${started[1]} ${started[2]}`;
  }
  return null;
}

/** Lines of one speaker that follow each other, as far as they are read. */
interface Block {
  readonly speaker: "person" | "model";
  readonly line: number;
  readonly text: string;
}

interface State {
  /** The run's. */
  model: string | null;
  block: Block | null;
  /** The last answer, to which what was edited belongs. */
  answer: string;
  /** Line of the last prompt. */
  prompt: number | null;
  /** What was spent, as long as its cost may follow. */
  spent: { readonly line: number; readonly text: string } | null;
}

const START: State = { model: null, block: null, answer: "", prompt: null, spent: null };

function readState(state: unknown): State {
  return { ...START, ...asObject(state) };
}

interface Line {
  readonly session: string;
  readonly number: number;
  readonly text: string;
  readonly found: Findings;
}

function openHistory({ sourceId, cwd }: Identity, state: State): LineReader {
  return {
    line(record, number, found) {
      if (cwd !== undefined) found.facts({ cwd });
      const text = (asString(record["text"]) ?? "").replace(/\s+$/, "");
      readLine(state, { session: sourceId, number, text, found });
    },
    state: () => ({ ...state }),
  };
}

function tell(
  { session, found }: Line,
  number: number,
  event: Omit<NewEvent, "id" | "lane" | "order" | "at"> & { at?: number | null },
): void {
  const id = eventId(AGENT, `${session}/${number}`, 0);
  found.renewed({ id, lane: null, order: orderOf(number, 0), at: null, ...event });
}

function readLine(state: State, line: Line): void {
  const { text } = line;
  if (state.spent !== null) {
    const cost = /^Cost: \$([\d.]+) message/.exec(text)?.[1];
    addCall(state, line, state.spent, cost ?? null);
    state.spent = null;
    if (cost !== undefined) return;
  }
  if (STARTED.test(text)) return addRun(state, line);
  if (text.startsWith("> ")) return readAside(state, line, text.slice(2));
  if (text === ">") return endBlock(state);
  if (text === "####" || text.startsWith("#### "))
    return addTo(state, line, "person", text.slice(5));
  // Each thing that is typed begins behind an empty line; an answer may hold some.
  if (text === "" && state.block?.speaker !== "model") return endBlock(state);
  addTo(state, line, "model", text);
}

/** The file's time is the machine's; nothing says which zone it was in. */
function addRun(state: State, line: Line): void {
  endBlock(state);
  state.model = null;
  state.answer = "";
  const [, day, time] = STARTED.exec(line.text) ?? [];
  const at = asTime(`${day ?? ""}T${time ?? ""}`);
  tell(line, line.number, { kind: "mode", at, summary: "started" });
}

function endBlock(state: State): void {
  if (state.block?.speaker === "model") state.answer = state.block.text;
  state.block = null;
}

function addTo(state: State, line: Line, speaker: Block["speaker"], text: string): void {
  const held = state.block;
  const goesOn = held?.speaker === speaker && held.text.length < MAX_BLOCK_CHARS;
  if (!goesOn) endBlock(state);
  const block: Block = goesOn
    ? { ...held, text: `${held.text}\n${text}` }
    : { speaker, line: line.number, text };
  state.block = block;
  if (speaker === "person") return addPrompt(state, line, block);
  const body = block.text.trim();
  const parts = [{ name: "text", body }] as const;
  const { model } = state;
  if (body !== "")
    tell(line, block.line, { kind: "response", model, summary: oneLine(body), parts });
}

/** Of what is typed with a slash only what goes to the model is a prompt; some only changes how it answers. */
const ASKS = /^\/(?:ask|architect|code|context|help)\s+(?=\S)/;
const MODE = /^\/(?:chat-mode\s+)?(ask|architect|code|context|help)$/;

function addPrompt(state: State, line: Line, block: Block): void {
  const typed = block.text.trim();
  const mode = MODE.exec(typed)?.[1];
  if (mode !== undefined) return tell(line, block.line, { kind: "mode", summary: mode });
  const isCommand = /^[/!]/.test(typed) && !ASKS.test(typed);
  if (typed === "" || typed === "<blank>" || isCommand) return;
  state.prompt = block.line;
  tell(line, block.line, { kind: "prompt", parts: [{ name: "text", body: typed }] });
}

// ---- What Aider says ----------------------------------------------------------------------------------------------

function readAside(state: State, line: Line, text: string): void {
  endBlock(state);
  const model = /^(?:Main model|Model|Models): (\S+)(?: with|,|$)/.exec(text)?.[1];
  if (model !== undefined) state.model = model;
  const version = /^Aider v(\d[\w.+-]*)/.exec(text)?.[1];
  if (version !== undefined) line.found.facts({ agentVersion: version });
  const edited = /^Applied edit to (.+)$/.exec(text)?.[1];
  if (edited !== undefined) return addEdit(state, line, edited);
  const commit = /^Commit ([0-9a-f]{7,40}) (.*)$/.exec(text);
  if (commit !== null) return addTool(line, "commit", { commit: commit[1], message: commit[2] });
  const answered = /^(.*\?).*\(Y\)es\/\(N\)o.*: ?(\w)\w*$/.exec(text);
  if (answered !== null) return addPermission(line, answered[1] ?? "", answered[2] ?? "");
  if (text.startsWith("Tokens: ")) return readSpent(state, line, text);
  if (text.startsWith("^C")) return interrupt(state, line);
  if (
    /^(?:litellm\.|The LLM did not conform|The API provider|Retrying in|Can't |Unable to )|\w+Error\b/.test(
      text,
    )
  )
    tell(line, line.number, {
      kind: "error",
      status: "error",
      summary: oneLine(text),
      parts: [{ name: "text", body: text }],
    });
}

function interrupt({ prompt }: State, { session, found }: Line): void {
  if (prompt === null) return;
  const id = eventId(AGENT, `${session}/${prompt}`, 0);
  found.patch({ id, at: null, status: "interrupted" });
}

function addPermission(line: Line, question: string, answer: string): void {
  const status: EventStatus = /^[ya]$/i.test(answer) ? "ok" : "rejected";
  const parts = [{ name: "text", body: question }] as const;
  tell(line, line.number, { kind: "permission", status, summary: oneLine(question), parts });
}

function addTool(
  line: Line,
  name: string,
  input: JsonObject,
  patches: readonly FilePatch[] = [],
): void {
  const title = asString(input["message"]);
  tell(line, line.number, toolFields({ name, input, status: "ok", output: "", patches, title }));
}

function addEdit(state: State, line: Line, path: string): void {
  const edits = searchReplaceBlocks(of(path, state.answer));
  addTool(line, "edit", { path }, edits.length === 0 ? [] : [replacements(path, edits)]);
}

/** The blocks of a file: its name stands above each, and a fence between. */
function of(path: string, answer: string): string {
  let name = "";
  let within = false;
  const kept: string[] = [];
  for (const line of answer.split("\n")) {
    if (/^<{5,} SEARCH/.test(line)) within = true;
    if (within && (name === path || path.endsWith(`/${name}`) || name.endsWith(`/${path}`)))
      kept.push(line);
    if (!within && line.trim() !== "" && !/^`{3}/.test(line))
      name = line.replaceAll("`", "").trim();
    if (/^>{5,} REPLACE/.test(line)) within = false;
  }
  return kept.join("\n");
}

// ---- Calls --------------------------------------------------------------------------------------------------------

/** Where both what was written to the cache and what was found there is told, the cost has a line of its own. */
function readSpent(state: State, line: Line, text: string): void {
  const cost = /Cost: \$([\d.]+) message/.exec(text)?.[1];
  const spent = { line: line.number, text };
  if (cost === undefined && text.includes("cache write") && text.includes("cache hit"))
    state.spent = spent;
  else addCall(state, line, spent, cost ?? null);
}

function addCall(
  state: State,
  { session, found }: Line,
  { line, text }: { readonly line: number; readonly text: string },
  cost: string | null,
): void {
  const of = (what: string) => countOf(new RegExp(`([\\d.,]+)(k?) ${what}`).exec(text));
  const [sent, cacheWrite, cacheRead] = [of("sent"), of("cache write"), of("cache hit")];
  const cached = cacheWrite + cacheRead;
  const input = sent >= cached ? sent - cached : sent;
  const tokens: Tokens = { input, output: of("received"), cacheRead, cacheWrite, reasoning: 0 };
  if (sent + tokens.output === 0) return;
  const model = state.model ?? UNKNOWN_MODEL;
  found.call({
    key: `${session}/${line}`,
    lane: null,
    at: null,
    model,
    tokens,
    costNanoUsd: costOfCall(cost === null ? null : Number(cost), model, tokens),
  });
}

function countOf(match: RegExpExecArray | null): number {
  const count = Number((match?.[1] ?? "0").replaceAll(",", "")) * (match?.[2] === "k" ? 1_000 : 1);
  return Number.isFinite(count) && count <= Number.MAX_SAFE_INTEGER ? Math.round(count) : 0;
}
