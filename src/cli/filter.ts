/** `--agent`, `--project` and `--since`: which sessions a command is about. */
import type { ParseArgsOptionsConfig } from "node:util";
import type { SessionFilter } from "../app/api.ts";
import { AGENT_IDS, type AgentId } from "../base/session.ts";
import { UsageError, type CommandContext } from "./command.ts";
import { readSince } from "./words.ts";

export const FILTER_OPTIONS = {
  agent: { type: "string" },
  project: { type: "string" },
  since: { type: "string" },
} as const satisfies ParseArgsOptionsConfig;

export const FILTER_USAGE = "[--agent ID] [--project NAME] [--since TIME]";
export const FILTER_ABOUT = "TIME is 2026-03-31, or 2w, 7d, 12h, 90m for the time before now.";

export function filterOf(
  context: CommandContext,
): Pick<SessionFilter, "agent" | "project" | "since"> {
  const agent = context.option("agent");
  const project = context.option("project");
  const since = context.option("since");
  if (agent !== null && !AGENT_IDS.includes(agent as AgentId)) {
    throw new UsageError(`"${agent}" is no agent known here: ${AGENT_IDS.join(", ")}.`);
  }
  return {
    ...(agent !== null && { agent: agent as AgentId }),
    ...(project !== null && { project }),
    ...(since !== null && { since: readSince(since, Date.now()) }),
  };
}
