/** A Markdown file cut at its headings into the sections that MADR knows. */
import { fencedLines, trimLines } from "./madr-text.ts";

export interface Sections {
  /** As written, without what a closed heading ends with. */
  readonly title: string;
  /** Between the title and the first section, without the facts. */
  readonly preface: readonly string[];
  /** MADR 2's list under the title, and a section "Status". */
  readonly facts: ReadonlyMap<string, string>;
  readonly parts: ReadonlyMap<string, readonly string[]>;
  /** Under "Pros and Cons of the Options". */
  readonly options: readonly Headed[];
  readonly unknown: readonly Headed[];
}

export interface Headed {
  readonly heading: string;
  readonly lines: readonly string[];
}

const NAMES = new Map(
  Object.entries({
    "context and problem statement": "context",
    context: "context",
    "problem statement": "context",
    "decision drivers": "drivers",
    drivers: "drivers",
    "considered options": "options",
    options: "options",
    alternatives: "options",
    "decision outcome": "outcome",
    decision: "outcome",
    outcome: "outcome",
    consequences: "consequences",
    "positive consequences": "positive",
    "negative consequences": "negative",
    confirmation: "confirmation",
    validation: "confirmation",
    "pros and cons of the options": "pros",
    "more information": "more",
    links: "more",
    status: "status",
  }),
);
/** What may stand a level lower, within the outcome. */
const INNER = new Set(["consequences", "positive", "negative", "confirmation"]);

export function cutSections(body: readonly string[], ours: boolean): Sections {
  const fenced = fencedLines(body);
  const parts = new Map<string, string[]>();
  const options: { heading: string; lines: string[] }[] = [];
  const unknown: { heading: string; lines: string[] }[] = [];
  const preface: string[] = [];
  let title: string | null = null;
  let section = "";
  let lines = preface;
  const begin = (name: string): string[] => {
    const held = parts.get(name);
    if (held !== undefined) held.push("");
    else parts.set(name, []);
    return parts.get(name) as string[];
  };
  body.forEach((line, i) => {
    const [, signs, text] =
      fenced[i] === true ? [] : (/^ {0,3}(#{1,3})(?:[ \t]+(.*))?$/s.exec(line) ?? []);
    if (signs === undefined) {
      if (ours || fenced[i] === true || !/^\s*<!--.*-->\s*$/s.test(line)) lines.push(line);
      return;
    }
    const heading = ours ? (text ?? "") : (text ?? "").replace(/(?:^|[ \t]+)#*[ \t]*$/, "");
    const name = NAMES.get(heading.toLowerCase().replace(/:$/, "").trim());
    if (signs === "#" && title === null) title = heading;
    else if (signs === "###" && (section === "pros" || section === "options")) {
      lines = [];
      options.push({ heading, lines });
    } else if (signs === "###" && !(section === "outcome" && name !== undefined && INNER.has(name)))
      lines.push(line);
    else if (name === undefined) {
      section = "unknown";
      lines = [];
      unknown.push({ heading, lines });
    } else {
      if (signs !== "###") section = name;
      lines = begin(name);
    }
  });
  const [facts, rest] = ours ? [new Map<string, string>(), []] : factsOf(preface);
  const status = trimLines(parts.get("status") ?? [])[0];
  if (status !== undefined) facts.set("status", status.trim());
  return { title: title ?? "", preface: rest, facts, parts, options, unknown };
}

function factsOf(preface: readonly string[]): readonly [Map<string, string>, readonly string[]] {
  const facts = new Map<string, string>();
  const rest = preface.filter((line) => {
    const [, name, value] =
      /^[*-] +(Status|Deciders|Date):[ \t]*(.*?)(?:[ \t]*<!--.*-->)?[ \t]*$/i.exec(line) ?? [];
    if (name === undefined) return true;
    facts.set(name.toLowerCase(), (value ?? "").replace(/^\[(.*)\]$/, "$1"));
    return false;
  });
  return [facts, rest];
}
