import { AGENT_IDS, type AgentId } from "../base/session.ts";
import { noArguments, UsageError, type Command, type CommandContext } from "./command.ts";
import { print, printJson, say, table } from "./output.ts";
import type { SessionFilter } from "../app/api.ts";
import { allTokens, money, quantity, readCount, readSince, when } from "./words.ts";

export const sessions: Command = {
  usage: ["sessions [--agent ID] [--project NAME] [--since TIME] [--limit N] [--json]"],
  about:
    "Lists sessions, newest first. TIME is 2026-03-31, or 7d, 12h, 90m for the time before now.",
  options: {
    agent: { type: "string" },
    project: { type: "string" },
    since: { type: "string" },
    limit: { type: "string" },
  },
  async run(context) {
    noArguments(context);
    const { rows, total } = await context.call("sessions", filterOf(context));
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
    if (rows.length === 0)
      say("No sessions here yet. operon import captures what agents left on this machine.");
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

function filterOf(context: CommandContext): SessionFilter {
  const agent = context.option("agent");
  const project = context.option("project");
  const since = context.option("since");
  const limit = context.option("limit");
  if (agent !== null && !AGENT_IDS.includes(agent as AgentId)) {
    throw new UsageError(`"${agent}" is no agent known here: ${AGENT_IDS.join(", ")}.`);
  }
  return {
    ...(agent !== null && { agent: agent as AgentId }),
    ...(project !== null && { project }),
    ...(since !== null && { since: readSince(since, Date.now()) }),
    limit: limit === null ? Number.MAX_SAFE_INTEGER : readCount(limit, "limit"),
  };
}
