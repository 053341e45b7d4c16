import { noArguments, type Command, type CommandContext } from "./command.ts";
import { FILTER_ABOUT, FILTER_OPTIONS, FILTER_USAGE, filterOf } from "./filter.ts";
import { print, printJson, say, table } from "./output.ts";
import { allTokens, counted, money, quantity, readCount, when } from "./words.ts";

export const sessions: Command = {
  usage: [`sessions ${FILTER_USAGE} [--limit N] [--json]`],
  about: `Lists sessions, newest first. ${FILTER_ABOUT}`,
  options: { ...FILTER_OPTIONS, limit: { type: "string" } },
  async run(context) {
    noArguments(context);
    const limit = context.option("limit");
    const { rows, total } = await context.call("sessions", {
      ...filterOf(context),
      limit: limit === null ? Number.MAX_SAFE_INTEGER : readCount(limit, "limit"),
    });
    if (context.json) {
      printJson(
        rows.map((row) => ({
          ...row,
          project: row.project?.name ?? null,
          projectId: row.project?.id ?? null,
        })),
      );
      return 0;
    }
    if (rows.length === 0) say(await whyNone(context));
    else {
      const lines = table(
        ["ID", "WHEN", "AGENT", "PROJECT", "EVENTS", "TOKENS", "COST", "TITLE"],
        ["left", "left", "left", "left", "right", "right", "right", "left"],
        rows.map((row) => [
          row.id.slice(0, 12),
          when(row.endedAt ?? row.startedAt),
          row.agent,
          row.project?.name ?? "–",
          String(row.events),
          quantity(allTokens(row.tokens)),
          money(row.costUsd),
          row.title ?? "–",
        ]),
      );
      for (const line of lines) print(line);
      if (rows.length < total) say(`${rows.length} of ${total}.`);
    }
    return 0;
  },
};

async function whyNone(context: CommandContext): Promise<string> {
  const { total } = await context.call("sessions", { limit: 1 });
  return total === 0
    ? "No sessions here yet. operon import captures what agents left on this machine."
    : `None of the ${counted(total, "session")} here fits.`;
}
