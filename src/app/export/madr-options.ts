/** The options of a MADR file: which there are, what speaks for and against each, which was chosen. */
import type { DecisionOption } from "../../crdt/decision.ts";
import type { Headed, Sections } from "./madr-sections.ts";
import { trimLines, unescapeBlock, unescapeReferences } from "./madr-text.ts";

export type OptionText = Omit<DecisionOption, "id">;

interface Draft {
  readonly title: string;
  pros: string;
  cons: string;
  judged: boolean;
}

export function readOptions(sections: Sections, ours: boolean): readonly OptionText[] {
  const titleOf = ours ? unescapeReferences : plainTitle;
  const drafts: Draft[] = [];
  const add = (title: string): Draft => {
    const draft = { title, pros: "", cons: "", judged: false };
    drafts.push(draft);
    return draft;
  };
  for (const line of sections.parts.get("options") ?? []) {
    const item =
      /^(?:[*+-]|\d+[.)])[ \t]+(.*)$/s.exec(line)?.[1] ?? (/^[*+-]$/.test(line) ? "" : null);
    const last = drafts.at(-1);
    if (item !== null && (ours || !/^…?$/.test(plainTitle(item)))) add(titleOf(item));
    else if (item === null && line.trim() !== "" && last !== undefined)
      last.pros = join(last.pros, line.trim());
  }
  for (const headed of sections.options) {
    const title = titleOf(headed.heading);
    const same = (draft: Draft): boolean =>
      !draft.judged &&
      (ours ? draft.title === title : draft.title.toLowerCase() === title.toLowerCase());
    const draft = drafts.find(same) ?? add(title);
    const { pros, cons } = judge(headed, ours);
    draft.judged = true;
    draft.pros = join(draft.pros, pros);
    draft.cons = cons;
  }
  return drafts.map(({ title, pros, cons }) => ({ title, pros, cons, chosen: false }));
}

/** Without links, emphasis and quotation marks around it. */
function plainTitle(text: string): string {
  return text
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replaceAll(/<!--.*?-->/g, "")
    .trim()
    .replace(/^(\*\*|__|["“'`*_])(.*?)(?:\*\*|__|["”'`*_])$/, "$2");
}

function join(first: string, second: string): string {
  return first === "" || second === "" ? first + second : `${first}\n${second}`;
}

const ARGUMENT = /^([*+-]) (?:(Good|Bad), because|(Good|Bad)[:,]) ?(.*)$/s;

function judge(headed: Headed, ours: boolean): { readonly pros: string; readonly cons: string } {
  const found: { readonly marker: string; readonly word: string; readonly lines: string[] }[] = [];
  const about: string[] = [];
  for (const line of headed.lines) {
    const [, marker, because, colon, text] = ARGUMENT.exec(line) ?? [];
    const last = found.at(-1);
    if (marker !== undefined)
      found.push({ marker, word: because ?? colon ?? "", lines: [text ?? ""] });
    else if (last !== undefined && (line === "" || /^[ \t]{2}/.test(line)))
      last.lines.push(line.slice(2));
    else about.push(line);
  }
  const textOf = (word: string): string => {
    const items = found.filter((item) => item.word === word);
    const texts = items.map(({ lines }) =>
      ours ? unescapeBlock(trimLines(lines), "plain") : lines.join("\n").trim(),
    );
    if (texts.length < 2) return texts[0] ?? "";
    return texts.map((text, i) => listItem(items[i]?.marker ?? "*", text)).join("\n");
  };
  return { pros: join(about.join("\n").trim(), textOf("Good")), cons: textOf("Bad") };
}

function listItem(marker: string, text: string): string {
  return text
    .split("\n")
    .map((line, i) => (i === 0 ? `${marker} ${line}` : line === "" ? "" : `  ${line}`))
    .join("\n");
}

interface Outcome {
  readonly options: readonly OptionText[];
  readonly text: string;
}

/** The outcome without the words that say which option was chosen, and the options with the mark. */
export function readChosen(
  lines: readonly string[],
  options: readonly OptionText[],
  numbers: unknown,
  ours: boolean,
): Outcome {
  return ours
    ? chosenByUs(trimLines(lines), options, numbers)
    : chosenByOthers(lines.join("\n").trim(), options);
}

function chosenByUs(
  lines: readonly string[],
  options: readonly OptionText[],
  numbers: unknown,
): Outcome {
  const [first = "", ...rest] = lines;
  const titles = /^Chosen options?: ("[^"]*"(?:, "[^"]*")*)(?:\.|, because)$/s.exec(first)?.[1];
  if (titles === undefined) return { options, text: unescapeBlock(lines) };
  const named = new Set(
    [...titles.matchAll(/"([^"]*)"/g)].map(([, title]) => unescapeReferences(title ?? "")),
  );
  const isChosen = (title: string, i: number): boolean =>
    Array.isArray(numbers) ? numbers.includes(i + 1) : named.has(title);
  return {
    options: options.map((option, i) => ({ ...option, chosen: isChosen(option.title, i) })),
    text: unescapeBlock(rest),
  };
}

function chosenByOthers(text: string, options: readonly OptionText[]): Outcome {
  const [whole, said] =
    /^(?:\*\*|__)?Chosen options?:?(?:\*\*|__)?:?[ \t]*([^\n]*)/i.exec(text) ?? [];
  if (whole === undefined || said === undefined) return { options, text };
  const rest = text.slice(whole.length);
  const [, quoted] = /^["“*_`]+([^"”*_`]+)["”*_`]+/.exec(said) ?? [];
  const plain = said.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").replace(/^["“*_`]+/, "");
  const [found] = options
    .filter(({ title }) => title !== "" && plain.toLowerCase().startsWith(title.toLowerCase()))
    .toSorted((a, b) => b.title.length - a.title.length);
  const title = found?.title ?? (quoted === undefined ? null : plainTitle(quoted));
  if (title === null) return { options, text };
  const because = plain
    .slice(title.length)
    .replace(/^["”*_`]+/, "")
    .replace(/^[,.;:]?[ \t]*(?:because\b[ \t]*)?/i, "");
  const all =
    found === undefined ? [...options, { title, pros: "", cons: "", chosen: false }] : options;
  return {
    options: all.map((option) => ({ ...option, chosen: option.title === title })),
    text: (because + rest).trim(),
  };
}
