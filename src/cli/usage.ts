import type { UsageBy, UsageRow } from "../app/api.ts";
import { localZone } from "../base/days.ts";
import { noArguments, UsageError, type Command } from "./command.ts";
import { print, printJson, say, table } from "./output.ts";
import { money, quantity } from "./words.ts";

const BY: readonly UsageBy[] = ["session", "day", "model", "project", "agent"];

export const usage: Command = {
  usage: ["usage [--by session,day,model,project,agent] [--utc] [--json]"],
  about:
    "Tokens and cost. Input is without what was read from the cache; output is with reasoning. A session's sub-agents are in it.\n" +
    "Days are those of this machine's time zone; with --utc they are UTC's.",
  options: { by: { type: "string" }, utc: { type: "boolean" } },
  async run(context) {
    noArguments(context);
    const words = (context.option("by") ?? "day").split(",").map((word) => word.trim());
    const by = [...new Set(words)];
    const unknown = by.find((word) => !BY.includes(word as UsageBy));
    if (unknown !== undefined)
      throw new UsageError(`--by takes ${BY.join(", ")}, not "${unknown}".`);
    const zone = context.flag("utc") ? "UTC" : localZone();
    const answer = await context.call("usage", { by: by as UsageBy[], zone });
    if (context.json) {
      printJson(answer);
      return 0;
    }
    const keys = [
      ...new Set(by.flatMap((word) => (word === "session" ? ["agent", word] : [word]))),
    ] as UsageBy[];
    const lines = table(
      [
        ...keys.map((key) => (key === "day" ? `DAY (${zone})` : key.toUpperCase())),
        "CALLS",
        "INPUT",
        "CACHE READ",
        "CACHE WRITE",
        "OUTPUT",
        "COST",
      ],
      [...keys.map(() => "left" as const), "right", "right", "right", "right", "right", "right"],
      [
        ...answer.rows.map((row) => [...keys.map((key) => cellOf(row, key)), ...numbersOf(row)]),
        [...keys.map((_, i) => (i === 0 ? "all" : "")), ...numbersOf(answer.totals)],
      ],
    );
    for (const line of lines) print(line);
    if (answer.totals.costUsd === null && answer.rows.some(({ costUsd }) => costUsd !== null)) {
      const priced = answer.rows.reduce((sum, { costUsd }) => sum + (costUsd ?? 0), 0);
      say(
        `The rows with a price make ${money(priced)}; "unpriced" has a model whose price is not known.`,
      );
    }
    return 0;
  },
};

function cellOf(row: UsageRow, key: UsageBy): string {
  return (key === "session" ? row.session?.slice(0, 12) : row[key]) ?? "–";
}

function numbersOf({ calls, tokens, costUsd }: UsageRow): readonly string[] {
  return [
    String(calls),
    quantity(tokens.input),
    quantity(tokens.cacheRead),
    quantity(tokens.cacheWrite),
    quantity(tokens.output),
    money(costUsd),
  ];
}
