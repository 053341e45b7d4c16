import { toAgentTrace } from "../app/export/agent-trace.ts";
import { toHtml } from "../app/export/html.ts";
import type { ExportedSession } from "../app/export/session.ts";
import type { Part } from "../base/session.ts";
import { onlyArgument, type Command, type CommandContext } from "./command.ts";
import { deliver, DELIVERY, formatOf } from "./delivery.ts";

/** Format → text of the file. */
const FORMATS = {
  html: toHtml,
  "agent-trace": (exported) => toAgentTrace(exported, Date.now()),
} as const satisfies Record<string, (exported: ExportedSession) => string>;

const NAMES = Object.keys(FORMATS) as (keyof typeof FORMATS)[];

export const exportCommand: Command = {
  usage: ["export SESSION --format html|agent-trace [--out FILE [--force]]"],
  about:
    "One session as a file that others can read. SESSION is an id or the beginning of one. It holds what the transcript\n" +
    "holds: look at it before you give it away. A file that is there is replaced only with --force.\n" +
    "  html         one page: no script in it, and nothing it has to load\n" +
    "  agent-trace  which lines of which files the agent wrote, as a record of Agent Trace 0.1.0",
  options: DELIVERY,
  async run(context) {
    const id = onlyArgument(context, "SESSION");
    const format = formatOf(context, NAMES);
    await deliver(context, FORMATS[format](await gather(context, id)));
    return 0;
  },
};

const BODIES_AT_ONCE = 500;

async function gather(context: CommandContext, id: string): Promise<ExportedSession> {
  const session = await context.call("session", { id });
  const { events } = await context.call("events", { session: session.id });
  const held = events.filter((event) => event.parts.length > 0).map((event) => event.id);
  const bodies: Record<string, readonly Part[]> = {};
  for (let i = 0; i < held.length; i += BODIES_AT_ONCE) {
    const some = held.slice(i, i + BODIES_AT_ONCE);
    Object.assign(bodies, await context.call("bodies", { session: session.id, events: some }));
  }
  return { session, events, bodies };
}
