/**
 * Reads a decision record out of a Markdown file in the form of MADR: what `madr.ts` wrote, letter for letter, and what
 * people write by hand: sections in any order, missing ones, MADR 2 and 3. What a record has no field for is not
 * dropped: it stands in the context or the consequences, under its own heading.
 */
import type { DecisionRecord, Evidence } from "../../crdt/decision.ts";
import { DECISION_ORIGINS, DECISION_STATUSES } from "../../crdt/decision.ts";
import { MADR_CONFIRMATION, MADR_MARK, MADR_MORE } from "./madr.ts";
import { readFront, type Front } from "./madr-front.ts";
import { readChosen, readOptions, type OptionText } from "./madr-options.ts";
import { cutSections, type Sections } from "./madr-sections.ts";
import { trimLines, unescapeBlock, unescapeReferences } from "./madr-text.ts";

/** A record without the ids of its own: they are made anew where it is kept. */
export interface MadrDecision extends Omit<DecisionRecord, "id" | "options" | "evidence"> {
  readonly options: readonly OptionText[];
  readonly evidence: readonly Evidence[];
}

export interface ReadMadr {
  readonly decision: MadrDecision;
  /** Sentences on what was not understood. */
  readonly notes: readonly string[];
}

/** Null for a text without a title. */
export function readMadr(file: string): ReadMadr | null {
  const lines = file
    .replace(/^\ufeff/, "")
    .replaceAll("\r\n", "\n")
    .split("\n");
  const [front, body] = readFront(lines);
  const ours = front.text(MADR_MARK) !== null;
  const sections = cutSections(body, ours);
  if (sections.title.trim() === "") return null;
  const block = (part: readonly string[] | undefined): string =>
    part === undefined ? "" : ours ? unescapeBlock(trimLines(part)) : part.join("\n").trim();
  const notes: string[] = [];
  const options = readOptions(sections, ours);
  const outcome = readChosen(
    sections.parts.get("outcome") ?? [],
    options,
    front.value("chosen"),
    ours,
  );
  const facts = readFacts(front, sections, notes);
  return {
    decision: {
      ...facts,
      title: ours ? unescapeReferences(sections.title) : sections.title,
      context: joined(
        contextOf(sections, block, ours),
        moreOf(front, sections, block, ours),
        MADR_MORE,
      ),
      drivers: block(sections.parts.get("drivers")),
      options: outcome.options,
      outcome: outcome.text,
      consequences: joined(
        consequencesOf(sections, block),
        halfOf(sections, "confirmation", block),
        MADR_CONFIRMATION,
      ),
    },
    notes,
  };
}

type Block = (part: readonly string[] | undefined) => string;

/** Null: it is not there, not even empty. */
function halfOf(sections: Sections, name: string, block: Block): string | null {
  const part = sections.parts.get(name);
  return part === undefined ? null : block(part);
}

function joined(first: string | null, second: string | null, between: string): string {
  if (second === null) return first ?? "";
  return first === null ? between.trimStart() + second : first + between + second;
}

/** What stands before the first section is context too. */
function contextOf(sections: Sections, block: Block, ours: boolean): string | null {
  const context = halfOf(sections, "context", block);
  const preface = ours ? "" : block(sections.preface);
  if (preface === "") return context;
  return context === null ? preface : `${preface}\n\n${context}`.trim();
}

function moreOf(front: Front, sections: Sections, block: Block, ours: boolean): string | null {
  const people = ["consulted", "informed"].flatMap((key) => {
    const names = front.list(key).join(", ");
    return names === "" ? [] : [`${key === "consulted" ? "Consulted" : "Informed"}: ${names}`];
  });
  const texts = [
    halfOf(sections, "more", block),
    ...sections.unknown.map(({ heading, lines }) => `#### ${heading}\n\n${block(lines)}`.trim()),
    people.length === 0 ? null : people.join("\n"),
  ].filter((text) => text !== null && (ours || text !== ""));
  return texts.length === 0 ? null : texts.join("\n\n");
}

/** MADR 2 has two sections for them. */
function consequencesOf(sections: Sections, block: Block): string | null {
  const sided = (["positive", "negative"] as const).flatMap((side) => {
    const word = side === "positive" ? "Good" : "Bad";
    const text = block(sections.parts.get(side));
    return text === "" ? [] : [text.replaceAll(/^([*-]) +/gm, `$1 ${word}, because `)];
  });
  const text = halfOf(sections, "consequences", block);
  return sided.length === 0
    ? text
    : [text ?? "", ...sided].filter((part) => part !== "").join("\n\n");
}

function readFacts(
  front: Front,
  sections: Sections,
  notes: string[],
): Omit<MadrDecision, "title" | "context" | "drivers" | "options" | "outcome" | "consequences"> {
  const listed = (name: string): string | null => sections.facts.get(name) ?? null;
  const status = (front.text("status") ?? listed("status") ?? "proposed").toLowerCase();
  const known = DECISION_STATUSES.find((word) => status.startsWith(word));
  if (known === undefined)
    notes.push(`The status "${status}" is none that a record can have: it is proposed now.`);
  const origin = front.text("origin");
  const deciders = front.list("decision-makers", "deciders");
  return {
    status: known ?? "proposed",
    date: day(front.text("date") ?? listed("date"), notes),
    deciders: deciders.length > 0 ? deciders : commas(listed("deciders")),
    tags: front.list("tags"),
    project: front.text("project"),
    supersedes: front.list("supersedes"),
    relatesTo: front.list("relates-to"),
    evidence: evidenceOf(front.value("evidence")),
    origin: DECISION_ORIGINS.find((word) => word === origin) ?? "person",
    reviewBy: day(front.text("review-by"), notes),
  };
}

/** A day that exists; else none, and a note. */
function day(text: string | null, notes: string[]): string | null {
  if (text === null || text === "") return null;
  const [date] = /^\d{4}-\d{2}-\d{2}/.exec(text) ?? [];
  const time = date === undefined ? Number.NaN : Date.parse(`${date}T00:00:00Z`);
  if (date !== undefined && !Number.isNaN(time) && new Date(time).toISOString().startsWith(date))
    return date;
  notes.push(`"${text}" is no day written as year-month-day: it was left out.`);
  return null;
}

function commas(text: string | null): readonly string[] {
  return (text ?? "")
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

const MAX_ID = 300;

function evidenceOf(value: unknown): readonly Evidence[] {
  if (!Array.isArray(value)) return [];
  const isId = (id: unknown): id is string =>
    typeof id === "string" && id !== "" && id.length <= MAX_ID;
  return (value as readonly Partial<Record<keyof Evidence, unknown>>[]).flatMap((item) => {
    const { session, event, hash } = item ?? {};
    return isId(session) && isId(event) && isId(hash) ? [{ session, event, hash }] : [];
  });
}
