import type { DecisionInput, DecisionRow } from "../app/api.ts";
import { toMadr } from "../app/export/madr.ts";
import { localDay } from "../base/days.ts";
import {
  neededOption,
  noArguments,
  onlyArgument,
  part,
  UsageError,
  type Command,
  type CommandContext,
} from "./command.ts";
import { deliver, DELIVERY, formatOf, readGiven } from "./delivery.ts";
import { projectArgument } from "./project.ts";
import { oneLine, plainText, print, printJson, say, table } from "./output.ts";
import { teamNames } from "./team.ts";

/** Option name → field. */
const FIELDS = {
  title: "title",
  status: "status",
  date: "date",
  deciders: "deciders",
  context: "context",
  drivers: "drivers",
  outcome: "outcome",
  consequences: "consequences",
  tags: "tags",
  "review-by": "reviewBy",
} as const satisfies Record<string, keyof DecisionInput>;

export const decision: Command = {
  usage: [
    "decision list [--json]",
    "decision new --title TEXT [--team TEAM | --project PROJECT] [--status S] [--context TEXT] [--outcome TEXT] … [--json]",
    "decision show ID [--json]",
    "decision edit ID --FIELD TEXT … [--json]",
    "decision export ID [--format madr] [--out FILE [--force]]",
    "decision import FILE [--team TEAM | --project PROJECT] [--json]",
  ],
  about:
    `Decision records. FIELD is one of ${Object.keys(FIELDS).join(", ")}.\n` +
    "A new one is dated today, and stays on this machine unless it is given a team, or a project that is linked to one. Editing applies the\n" +
    "smallest difference to a text, so that what others type in it at the same time stays. An export is a Markdown file in the form\n" +
    "of MADR 4; an import makes a new record of such a file, whoever wrote it. A file that is there is replaced only with --force.",
  options: {
    ...Object.fromEntries(Object.keys(FIELDS).map((name) => [name, { type: "string" as const }])),
    team: { type: "string" },
    project: { type: "string" },
    ...DELIVERY,
  },
  async run(whole) {
    const [name, context] = part(whole, ["list", "new", "show", "edit", "export", "import"]);
    if (name === "list") return list(context);
    if (name === "new")
      return answer(context, await context.call("newDecision", newInput(context)));
    if (name === "import") return importFile(context);
    const id = onlyArgument(context, "ID");
    if (name === "show") return answer(context, await context.call("decision", { id }));
    if (name === "export") {
      formatOf(context, ["madr"], "madr");
      await deliver(context, toMadr(await context.call("decision", { id })));
      return 0;
    }
    const fields = fieldsOf(context);
    if (Object.keys(fields).length === 0)
      throw new UsageError("Say which field becomes what, as in --context TEXT.");
    return answer(context, await context.call("editDecision", { id, ...fields }));
  },
};

async function list(context: CommandContext): Promise<number> {
  noArguments(context);
  const rows = await context.call("decisions", undefined);
  if (context.json) printJson(rows);
  else if (rows.length === 0)
    say("No decisions here yet. operon decision new --title TEXT begins one.");
  else {
    const nameOf = await teamNames(context);
    const lines = table(
      ["ID", "DATE", "STATUS", "WHERE", "TITLE"],
      ["left", "left", "left", "left", "left"],
      rows.map((row) => [
        row.id,
        row.date ?? "–",
        row.status,
        row.team === null ? "this machine" : nameOf(row.team),
        row.title,
      ]),
    );
    for (const line of lines) print(line);
  }
  return 0;
}

async function importFile(context: CommandContext): Promise<number> {
  const file = onlyArgument(context, "FILE");
  const place = placeOf(context);
  const { decision: row, notes } = await context.call("importDecision", {
    text: await readGiven(file),
    ...place,
  });
  for (const note of notes) say(note);
  return answer(context, row);
}

function newInput(context: CommandContext) {
  noArguments(context);
  return {
    date: localDay(Date.now()),
    ...fieldsOf(context),
    title: neededOption(context, "title"),
    ...placeOf(context),
  };
}

function placeOf(context: CommandContext) {
  const team = context.option("team");
  const project = context.option("project");
  if (team !== null && project !== null)
    throw new UsageError("A decision goes to a team or to a project's team: give one of both.");
  return {
    ...(team !== null && { team }),
    ...(project !== null && { project: projectArgument(project) }),
  };
}

function fieldsOf(context: CommandContext): DecisionInput {
  const fields: Record<string, string> = {};
  for (const [name, field] of Object.entries(FIELDS)) {
    const value = context.option(name);
    if (value !== null) fields[field] = value;
  }
  return fields as DecisionInput;
}

async function answer(context: CommandContext, row: DecisionRow): Promise<number> {
  if (context.json) printJson(row);
  else for (const line of linesOf(row, await teamNames(context))) print(line);
  return 0;
}

function linesOf(row: DecisionRow, nameOf: (team: string) => string): readonly string[] {
  const facts = [
    row.id,
    row.status,
    row.date,
    row.team === null ? "this machine only" : `team ${nameOf(row.team)}`,
    row.waiting ? "waiting to be sent" : null,
  ];
  const sections: readonly (readonly [string, string])[] = [
    ["Context", row.context],
    ["Drivers", row.drivers],
    [
      "Options",
      row.options.map((option) => `${option.chosen ? "[x]" : "[ ]"} ${option.title}`).join("\n"),
    ],
    ["Outcome", row.outcome],
    ["Consequences", row.consequences],
    ["Deciders", row.deciders.join(", ")],
    ["Tags", row.tags.join(", ")],
    ["Review by", row.reviewBy ?? ""],
  ];
  return [
    oneLine(row.title),
    facts.filter((fact) => fact !== null).join(" · "),
    ...sections
      .filter(([, text]) => text !== "")
      .flatMap(([head, text]) => ["", head, ...indented(text)]),
  ];
}

function indented(text: string): readonly string[] {
  return plainText(text)
    .split("\n")
    .map((line) => `  ${line}`.trimEnd());
}
