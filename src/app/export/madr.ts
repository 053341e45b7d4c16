/**
 * A decision record as a Markdown file in the form of MADR 4 (https://adr.github.io/madr/), which `madr-read.ts` reads
 * back as the same record.
 *
 * What MADR has no place for (tags, links to other records, evidence) stands in the front matter, under keys of its own.
 */
import type { DecisionOption, DecisionRecord } from "../../crdt/decision.ts";
import { escapeBlock, escapeLine } from "./madr-text.ts";

/** In the front matter: texts of this file are escaped as `madr-text.ts` does it. */
export const MADR_MARK = "operon";

/** Between what a record holds as one text and MADR as two sections. */
export const MADR_CONFIRMATION = "\n\n### Confirmation\n\n";
export const MADR_MORE = "\n\n### More Information\n\n";

export function toMadr(record: DecisionRecord): string {
  const [context, more] = split(record.context, MADR_MORE);
  return [
    ...frontMatter(record),
    "",
    `# ${escapeLine(record.title)}`,
    ...half("## Context and Problem Statement", context, more !== null),
    ...section("## Decision Drivers", escapeBlock(record.drivers)),
    ...section(
      "## Considered Options",
      record.options.map((option) => `* ${escapeLine(option.title)}`),
    ),
    ...outcome(record),
    ...prosAndCons(record.options),
    ...half("## More Information", more, true),
    "",
  ].join("\n");
}

function frontMatter(record: DecisionRecord): readonly string[] {
  const lists: readonly (readonly [string, readonly unknown[]])[] = [
    ["decision-makers", record.deciders],
    ["tags", record.tags],
    ["supersedes", record.supersedes],
    ["relates-to", record.relatesTo],
    ["evidence", record.evidence.map(({ session, event, hash }) => ({ session, event, hash }))],
    ["chosen", chosenByNumber(record.options)],
  ];
  return [
    "---",
    `status: ${record.status}`,
    ...(record.date === null ? [] : [`date: ${record.date}`]),
    ...lists.flatMap(([key, list]) => (list.length === 0 ? [] : [`${key}: ${yaml(list)}`])),
    ...(record.project === null ? [] : [`project: ${yaml(record.project)}`]),
    ...(record.origin === "person" ? [] : [`origin: ${record.origin}`]),
    ...(record.reviewBy === null ? [] : [`review-by: ${record.reviewBy}`]),
    `${MADR_MARK}: ${record.id === "" ? "record" : record.id}`,
    "---",
  ];
}

/** JSON is YAML; the characters that YAML does not print are escaped. */
function yaml(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Options are chosen by their titles; where one has the title of another, by their numbers. */
function chosenByNumber(options: readonly DecisionOption[]): readonly number[] {
  const titles = new Set(options.map(({ title }) => title));
  if (titles.size === options.length) return [];
  return options.flatMap(({ chosen }, i) => (chosen ? [i + 1] : []));
}

function outcome(record: DecisionRecord): readonly string[] {
  const chosen = record.options.filter((option) => option.chosen);
  const [consequences, confirmation] = split(record.consequences, MADR_CONFIRMATION);
  const because = escapeBlock(record.outcome);
  const lines = [
    ...section("", chosen.length === 0 ? guarded(because) : [named(chosen, because), ...because]),
    ...half("### Consequences", consequences, confirmation !== null),
    ...half("### Confirmation", confirmation, true),
  ];
  return lines.length === 0 ? [] : ["", "## Decision Outcome", ...lines];
}

function named(chosen: readonly DecisionOption[], because: readonly string[]): string {
  const titles = chosen.map(({ title }) => `"${escapeLine(title)}"`).join(", ");
  return `Chosen option${chosen.length > 1 ? "s" : ""}: ${titles}${because.length === 0 ? "." : ", because"}`;
}

/** Text that only reads as if an option were chosen. */
function guarded(because: readonly string[]): readonly string[] {
  return because.map((line, i) =>
    i === 0 && line.startsWith("Chosen option") ? line.replace("C", "&#67;") : line,
  );
}

/** All or none, so that two of one title are told apart by their places. */
function prosAndCons(options: readonly DecisionOption[]): readonly string[] {
  if (options.every(({ pros, cons }) => pros === "" && cons === "")) return [];
  return [
    "",
    "## Pros and Cons of the Options",
    ...options.flatMap(({ title, pros, cons }) =>
      section(
        `### ${escapeLine(title)}`,
        [...arguments_("Good", pros), ...arguments_("Bad", cons)],
        "always",
      ),
    ),
  ];
}

/** A list is an argument an item, any other text is one. */
function arguments_(word: string, text: string): readonly string[] {
  if (text === "") return [];
  const marker = text.startsWith("- ") ? "-" : "*";
  const items = itemsOf(text, marker);
  const several = items !== null && items.length > 1;
  return (several ? items : [text]).flatMap((item) =>
    escapeBlock(item, "plain").map((line, i) => {
      if (i === 0) return `${several ? marker : "*"} ${word}, because ${line}`;
      return line === "" ? "" : `  ${line}`;
    }),
  );
}

/** Null for what is not all a list. */
function itemsOf(text: string, marker: string): readonly string[] | null {
  const items: string[][] = [];
  for (const line of text.split("\n")) {
    if (line.startsWith(`${marker} `)) items.push([line.slice(2)]);
    else if (items.length > 0 && (line === "" || /^ {2}./s.test(line)))
      items.at(-1)?.push(line.slice(2));
    else return null;
  }
  const texts = items.map((lines) => lines.join("\n"));
  return texts.includes("") ? null : texts;
}

function section(
  heading: string,
  lines: readonly string[],
  when: "filled" | "always" = "filled",
): readonly string[] {
  if (lines.length === 0 && when === "filled") return [];
  return [...(heading === "" ? [] : ["", heading]), ...(lines.length === 0 ? [] : ["", ...lines])];
}

/** Parted at the last such place; null is a half that is not there at all. */
function split(text: string, at: string): readonly [string | null, string | null] {
  const index = text.lastIndexOf(at);
  if (index !== -1) return [text.slice(0, index), text.slice(index + at.length)];
  const alone = at.trimStart();
  return text.startsWith(alone) ? [null, text.slice(alone.length)] : [text, null];
}

function half(heading: string, text: string | null, evenEmpty: boolean): readonly string[] {
  if (text === null) return [];
  return section(heading, escapeBlock(text), evenEmpty ? "always" : "filled");
}
