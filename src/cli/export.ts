import { toAgentTrace } from "../app/export/agent-trace.ts";
import { toHtml } from "../app/export/html.ts";
import { toOtlp } from "../app/export/otlp.ts";
import { collectorOf, sendOtlp } from "../app/export/send.ts";
import type { ExportedSession } from "../app/export/session.ts";
import type { Part } from "../base/session.ts";
import { onlyArgument, UsageError, type Command, type CommandContext } from "./command.ts";
import { deliver, DELIVERY, formatOf } from "./delivery.ts";
import { plainText, say } from "./output.ts";
import { counted } from "./words.ts";

const FORMATS = ["html", "agent-trace", "otlp"] as const;

export const exportCommand: Command = {
  usage: [
    "export SESSION --format html|agent-trace|otlp [--out FILE [--force]]",
    "export SESSION --otlp URL",
  ],
  about:
    "One session as a file that others can read. SESSION is an id or the beginning of one. A page holds what the transcript\n" +
    "holds: look at it before you give it away. A file that is there is replaced only with --force.\n" +
    "  html         one page: no script in it, and nothing it has to load\n" +
    "  agent-trace  which lines of which files the agent wrote, as a record of Agent Trace 0.1.0\n" +
    "  otlp         its calls of models and tools as traces of OpenTelemetry, without what was said in them\n" +
    "--otlp sends the traces to a collector: with https, or with http to this machine (http://127.0.0.1:4318).",
  options: { ...DELIVERY, otlp: { type: "string" } },
  async run(context) {
    const id = onlyArgument(context, "SESSION");
    const address = context.option("otlp");
    const format = formatOf(context, FORMATS, address === null ? null : "otlp");
    if (address !== null) {
      if (format !== "otlp")
        throw new UsageError("--otlp sends traces: no other format goes with it.");
      if (context.option("out") !== null)
        throw new UsageError("Traces go into a file or to a collector: give --out or --otlp.");
      return send(context, id, address);
    }
    await deliver(context, textOf(format, await gather(context, id)));
    return 0;
  },
};

function textOf(format: (typeof FORMATS)[number], exported: ExportedSession): string {
  if (format === "html") return toHtml(exported);
  if (format === "agent-trace") return toAgentTrace(exported, Date.now());
  return tracesOf(exported).json;
}

async function send(context: CommandContext, id: string, address: string): Promise<number> {
  const url = collectorOf(address);
  const { json, spans } = tracesOf(await gather(context, id));
  if (spans === 0) {
    say("There is nothing to send.");
    return 0;
  }
  const partial = await sendOtlp(url, json, context.signal);
  say(partial === null ? `Sent ${counted(spans, "span")} to ${url.host}.` : plainText(partial));
  return 0;
}

function tracesOf(exported: ExportedSession) {
  const traces = toOtlp(exported);
  if (traces.untimed > 0)
    say(`${counted(traces.untimed, "event")} without a recorded time left out.`);
  return traces;
}

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
