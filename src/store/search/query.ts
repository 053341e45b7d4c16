/**
 * What a person types: words (all must be there), "phrases", filters (`agent:codex`), and the last word as a beginning
 * while it is being typed. A word with signs in it (src/store.ts) is the phrase of its parts. No sign is an operator; only
 * a filter's value can be wrong, and then a sentence says so. What looks like a filter and is none is words.
 */
import { momentOf } from "../../base/days.ts";
import { raise } from "../../base/result.ts";
import { AGENT_IDS, type AgentId, EVENT_KINDS, type EventKind } from "../../base/session.ts";
import { words } from "./tokens.ts";

/** Words that stand one after another; `prefix`: the last of them may go on. */
export interface Clause {
  readonly words: readonly string[];
  readonly prefix: boolean;
}

/** `value` as it was typed. */
export type Filter =
  | {
      readonly name: "agent";
      readonly value: string;
      /** The one of this name, else those that it is part of. */
      readonly agents: readonly AgentId[];
    }
  | {
      readonly name: "kind";
      readonly value: string;
      /** They begin with it. */
      readonly kinds: readonly (EventKind | "decision")[];
    }
  | { readonly name: "before" | "after"; readonly value: string; readonly at: number }
  | { readonly name: "project" | "tool" | "file" | "model"; readonly value: string };

export interface Query {
  readonly clauses: readonly Clause[];
  readonly filters: readonly Filter[];
}

const MOST = 32;
const KINDS = [...EVENT_KINDS, "decision"] as const;
/** A filter, a phrase, or what stands between spaces. An address (file://…) is no filter. */
const PIECE =
  /(?<name>agent|project|tool|file|model|before|after|kind):(?!\/\/)(?:"(?<quoted>[^"]*)"?|(?<plain>[^\s"]+))|"(?<phrase>[^"]*)(?<end>"?)|(?<word>[^\s"]+)/giu;

/** Throws `FaultError` "wrong-query" with a sentence. */
export function parseQuery(text: string, nowMs: number): Query {
  const clauses: Clause[] = [];
  const filters: Filter[] = [];
  for (const match of text.matchAll(PIECE)) {
    const { name, quoted, plain, phrase, end, word = "" } = match.groups as Groups;
    if (name !== undefined) {
      const value = (quoted ?? plain ?? "").trim();
      if (value !== "") filters.push(filterOf(name.toLowerCase() as Filter["name"], value, nowMs));
      continue;
    }
    const isLast = match.index + match[0].length === text.length;
    const prefix = isLast && (phrase === undefined || (end === "" && !/\s$/u.test(phrase)));
    clauses.push({ words: words(phrase ?? word), prefix });
  }
  return {
    clauses: clauses.filter((clause) => clause.words.length > 0).slice(0, MOST),
    filters: filters.slice(0, MOST),
  };
}

type Groups = Partial<
  Record<"name" | "quoted" | "plain" | "phrase" | "end" | "word", string | undefined>
>;

function filterOf(name: Filter["name"], value: string, nowMs: number): Filter {
  const small = value.toLowerCase();
  switch (name) {
    case "agent": {
      const whole = AGENT_IDS.filter((id) => id === small);
      const agents = whole.length > 0 ? whole : AGENT_IDS.filter((id) => id.includes(small));
      if (agents.length === 0)
        wrong(name, value, `is no agent known here: ${AGENT_IDS.join(", ")}.`);
      return { name, value, agents };
    }
    case "kind": {
      const kinds = KINDS.filter((kind) => kind.startsWith(small));
      if (kinds.length === 0) wrong(name, value, `is no kind of event: ${KINDS.join(", ")}.`);
      return { name, value, kinds };
    }
    case "before":
    case "after": {
      const at = momentOf(value, nowMs);
      if (Number.isNaN(at))
        wrong(name, value, `is no date: write ${name}:2026-03-31, or ${name}:7d, ${name}:2w.`);
      return { name, value, at };
    }
    default:
      return { name, value };
  }
}

function wrong(name: string, value: string, what: string): never {
  const quoted = `"${name}:${value}"`;
  raise("wrong-query", `"${value}" ${what} To look for the words, put quotes around: ${quoted}.`);
}
