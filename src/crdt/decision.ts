/**
 * A decision record (the fields of MADR) as a Yjs document.
 *
 * - Prose (`title`, `context`, `drivers`, `outcome`, `consequences`) is a top-level Y.Text each: several people type in
 *   one at once.
 * - One-word facts (`status`, `date`, `reviewBy`, `project`, `origin`) are plain values in the map `fields`: the last
 *   write of each wins, and no write of another fact is touched.
 * - `deciders`, `tags`, `supersedes`, `relatesTo`, `evidence` are flat lists (see lists.ts).
 * - An option is a Y.Map created once under a fresh ULID in `options`, its `title`, `pros` and `cons` texts inside. It is
 *   never deleted, only marked `removed`: deleting it would lose what somebody else is writing in it.
 *
 * Reading believes nothing: a value of another shape reads as if it were not there.
 */
import * as Y from "yjs";
import type { Branded, DecisionId } from "../base/ids.ts";
import { ulid } from "../base/ids.ts";
import { fail, ok, type Result } from "../base/result.ts";
import { canWrite, setSchema } from "./documents.ts";
import { asObject, asOneOf, asText } from "./json.ts";
import { addEntry, readEntries, setTexts, type Maker } from "./lists.ts";
import { editText } from "./text.ts";

export const DECISION_STATUSES = [
  "proposed",
  "accepted",
  "rejected",
  "deprecated",
  "superseded",
] as const;
export type DecisionStatus = (typeof DECISION_STATUSES)[number];

/** `agent`: an agent proposed it and a person accepted · `extracted`: found in a session. */
export const DECISION_ORIGINS = ["person", "agent", "extracted"] as const;
export type DecisionOrigin = (typeof DECISION_ORIGINS)[number];

export const DECISION_TEXTS = ["title", "context", "drivers", "outcome", "consequences"] as const;
export type DecisionText = (typeof DECISION_TEXTS)[number];

export const DECISION_FACTS = ["status", "date", "reviewBy", "project", "origin"] as const;
export type DecisionFact = (typeof DECISION_FACTS)[number];

export const DECISION_LISTS = ["deciders", "tags", "supersedes", "relatesTo"] as const;
export type DecisionList = (typeof DECISION_LISTS)[number];

export interface DecisionOption {
  readonly id: string;
  readonly title: string;
  readonly pros: string;
  readonly cons: string;
  readonly chosen: boolean;
}

/** Where a decision was said. `hash` is of the quote, so that it can be shown to be the same one. */
export interface Evidence {
  readonly session: string;
  readonly event: string;
  readonly hash: string;
}

/** Dates are `YYYY-MM-DD`; lists read oldest entry first. */
export interface DecisionRecord {
  readonly id: string;
  readonly title: string;
  readonly status: DecisionStatus;
  readonly date: string | null;
  readonly deciders: readonly string[];
  readonly context: string;
  readonly drivers: string;
  readonly options: readonly DecisionOption[];
  readonly outcome: string;
  readonly consequences: string;
  readonly tags: readonly string[];
  /** The project's name as people write it; never this machine's id of it. */
  readonly project: string | null;
  readonly supersedes: readonly string[];
  readonly relatesTo: readonly string[];
  readonly evidence: readonly (Evidence & { readonly id: string })[];
  readonly origin: DecisionOrigin;
  readonly reviewBy: string | null;
}

/** Each given field becomes this. Lists are given whole, as an array or as text with commas between. */
export type DecisionEdit = {
  readonly [K in DecisionText | DecisionFact]?: string;
} & { readonly [K in DecisionList]?: string | readonly string[] };

export type DecisionFault = "invalid-field" | "newer-schema";
type Outcome = Result<void, { type: DecisionFault; message: string }>;

export function newDecisionId(make: Maker): DecisionId {
  return `dec_${ulid(make.clock, make.random)}` as Branded<string, "DecisionId">;
}

/**
 * Into an empty document. Without other words the status is "proposed" and the origin "person". Which day it is depends
 * on where its writer is: the caller says it.
 */
export function createDecision(
  doc: Y.Doc,
  id: DecisionId,
  input: DecisionEdit & { readonly date: string },
  make: Maker,
): Outcome {
  if ((input.title ?? "").trim() === "")
    return fail("invalid-field", "A decision needs a title. Nothing was saved.");
  const whole: DecisionEdit = { status: "proposed", origin: "person", ...input };
  const checked = check(whole);
  if (!checked.ok) return checked;
  doc.transact(() => {
    setSchema("decision", doc);
    doc.getMap("meta").set("id", id);
    apply(doc, whole, make);
  });
  return ok(undefined);
}

/** All of it or, when one field is not valid, nothing. */
export function editDecision(doc: Y.Doc, edit: DecisionEdit, make: Maker): Outcome {
  const writable = canWrite("decision", doc);
  if (!writable.ok) return writable;
  const checked = check(edit);
  if (!checked.ok) return checked;
  doc.transact(() => apply(doc, edit, make));
  return ok(undefined);
}

/** The shared text behind a prose field, for an editor to bind to. */
export function decisionText(doc: Y.Doc, field: DecisionText): Y.Text {
  return doc.getText(field);
}

/** The shared text of an option, for an editor to bind to; null when there is no such option. */
export function optionText(doc: Y.Doc, id: string, part: OptionText): Y.Text | null {
  const option = doc.getMap("options").get(id);
  const text: unknown = option instanceof Y.Map ? option.get(part) : null;
  return text instanceof Y.Text ? text : null;
}

export const OPTION_TEXTS = ["title", "pros", "cons"] as const;
export type OptionText = (typeof OPTION_TEXTS)[number];

/** Answers the option's id. */
export function addOption(
  doc: Y.Doc,
  option: { readonly [K in OptionText]?: string },
  make: Maker,
): string {
  const map = new Y.Map<unknown>();
  for (const part of OPTION_TEXTS) map.set(part, new Y.Text(option[part] ?? ""));
  map.set("chosen", false);
  return addEntry(doc.getMap("options"), map, make);
}

/** Answers the entry's id. */
export function addEvidence(doc: Y.Doc, evidence: Evidence, make: Maker): string {
  return addEntry(doc.getMap("evidence"), evidence, make);
}

/** Marks an option, or takes the mark away. False when there is no such option. */
export function markOption(
  doc: Y.Doc,
  id: string,
  mark: "chosen" | "removed",
  on: boolean,
): boolean {
  const option = doc.getMap("options").get(id);
  if (!(option instanceof Y.Map)) return false;
  if (option.get(mark) !== on) option.set(mark, on);
  return true;
}

/** `id` is "" in a document that has no valid one: the caller who knows it by another way believes that. */
export function readDecision(doc: Y.Doc): DecisionRecord {
  const fields = doc.getMap("fields");
  const text = (field: DecisionText) => doc.getText(field).toString();
  const list = (field: DecisionList) => [
    ...new Set(readEntries(doc.getMap(field), asItem).map(([, value]) => value)),
  ];
  const date = (field: "date" | "reviewBy") => {
    const value = fields.get(field);
    return typeof value === "string" && isDate(value) ? value : null;
  };
  const id = doc.getMap("meta").get("id");
  return {
    id: typeof id === "string" && DECISION_ID.test(id) ? id : "",
    title: text("title"),
    status: asOneOf(DECISION_STATUSES, fields.get("status")) ?? "proposed",
    date: date("date"),
    deciders: list("deciders"),
    context: text("context"),
    drivers: text("drivers"),
    options: readEntries(doc.getMap("options"), readOption).map(([key, option]) => ({
      id: key,
      ...option,
    })),
    outcome: text("outcome"),
    consequences: text("consequences"),
    tags: list("tags"),
    project: asText(fields.get("project"), MAX_ITEM),
    supersedes: list("supersedes"),
    relatesTo: list("relatesTo"),
    evidence: readEntries(doc.getMap("evidence"), readEvidence).map(([key, item]) => ({
      id: key,
      ...item,
    })),
    origin: asOneOf(DECISION_ORIGINS, fields.get("origin")) ?? "person",
    reviewBy: date("reviewBy"),
  };
}

const DECISION_ID = /^dec_[0-7][0-9A-HJKMNP-TV-Z]{25}$/;
const MAX_ITEM = 300;

function apply(doc: Y.Doc, edit: DecisionEdit, make: Maker): void {
  for (const field of DECISION_TEXTS) {
    const text = edit[field];
    if (text !== undefined) editText(decisionText(doc, field), text);
  }
  const fields = doc.getMap("fields");
  for (const fact of DECISION_FACTS) {
    const value = edit[fact] === "" ? null : edit[fact];
    if (value !== undefined && (fields.get(fact) ?? null) !== value) fields.set(fact, value);
  }
  for (const list of DECISION_LISTS) {
    const values = edit[list];
    if (values !== undefined) setTexts(doc.getMap(list), itemsOf(values), make);
  }
}

function check(edit: DecisionEdit): Outcome {
  const sentence =
    checkTitle(edit.title) ??
    checkChoice("a status", DECISION_STATUSES, edit.status) ??
    checkChoice("an origin", DECISION_ORIGINS, edit.origin) ??
    checkDate("a date", edit.date) ??
    checkDate("a review-by date", edit.reviewBy) ??
    checkProject(edit.project) ??
    checkItems(edit);
  return sentence === null
    ? ok(undefined)
    : fail("invalid-field", `${sentence} Nothing was saved.`);
}

function checkTitle(title: string | undefined): string | null {
  return title !== undefined && title.trim() === "" ? "A decision needs a title." : null;
}

function checkChoice(
  name: string,
  list: readonly string[],
  value: string | undefined,
): string | null {
  if (value === undefined || list.includes(value)) return null;
  return `"${value}" is not ${name} of a decision: choose one of ${list.join(", ")}.`;
}

function checkDate(name: string, value: string | undefined): string | null {
  if (value === undefined || value === "" || isDate(value)) return null;
  return `"${value}" is not ${name}: write it as year-month-day, like 2026-03-31.`;
}

function checkProject(value: string | undefined): string | null {
  if (value === undefined || value === "") return null;
  if (value.startsWith("proj_"))
    return "A decision names its project in words; this machine's id of it stays here.";
  return value.length > MAX_ITEM ? `A project's name has at most ${MAX_ITEM} characters.` : null;
}

function checkItems(edit: DecisionEdit): string | null {
  for (const list of DECISION_LISTS) {
    if (itemsOf(edit[list] ?? []).some((item) => item.length > MAX_ITEM)) {
      return `An entry of ${list} has at most ${MAX_ITEM} characters.`;
    }
  }
  return null;
}

/** A day that exists. */
function isDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

function itemsOf(values: string | readonly string[]): readonly string[] {
  const list = typeof values === "string" ? values.split(",") : values;
  return list.map((item) => item.trim()).filter((item) => item !== "");
}

function asItem(value: unknown): string | null {
  const item = asText(value, MAX_ITEM);
  return item === "" ? null : item;
}

function readOption(value: unknown): Omit<DecisionOption, "id"> | null {
  if (!(value instanceof Y.Map) || value.get("removed") === true) return null;
  const text = (part: OptionText) => {
    const shared: unknown = value.get(part);
    return shared instanceof Y.Text ? shared.toString() : "";
  };
  return {
    title: text("title"),
    pros: text("pros"),
    cons: text("cons"),
    chosen: value.get("chosen") === true,
  };
}

function readEvidence(value: unknown): Evidence | null {
  const fields = asObject(value);
  const [session, event, hash] = ["session", "event", "hash"].map((key) =>
    asText(fields?.[key], MAX_ITEM),
  );
  return session && event && hash ? { session, event, hash } : null;
}
