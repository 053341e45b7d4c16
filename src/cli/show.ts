import type { EventRow, SessionRow } from "../app/api.ts";
import type { Part } from "../base/session.ts";
import { onlyArgument, type Command } from "./command.ts";
import { oneLine, plainText, print, printJson } from "./output.ts";
import { allTokens, counted, money, quantity, when } from "./words.ts";

export const show: Command = {
  usage: ["show SESSION [--json]"],
  about:
    "One session: what was asked, what was done, what was answered. SESSION is an id or the beginning of one.",
  options: {},
  async run(context) {
    const session = await context.call("session", { id: onlyArgument(context, "SESSION") });
    const [traces, { events }] = await Promise.all([
      context.call("traces", { session: session.id }),
      context.call("events", { session: session.id }),
    ]);
    if (context.json) {
      printJson({ session, traces, events });
      return 0;
    }
    const spoken = events
      .filter((event) => SPOKEN.has(event.kind) && event.parts.length > 0)
      .map((event) => event.id);
    const bodies: Record<string, readonly Part[]> = {};
    for (let i = 0; i < spoken.length; i += BODIES_AT_ONCE) {
      Object.assign(
        bodies,
        await context.call("bodies", {
          session: session.id,
          events: spoken.slice(i, i + BODIES_AT_ONCE),
        }),
      );
    }
    for (const line of headOf(session)) print(line);
    for (const event of events)
      for (const line of linesOf(event, bodies[event.id] ?? [])) print(line);
    return 0;
  },
};

const SPOKEN: ReadonlySet<string> = new Set(["prompt", "response", "error"]);
const BODIES_AT_ONCE = 1_000;

function headOf(session: SessionRow): readonly string[] {
  return [
    oneLine(session.title ?? session.sourceId),
    [
      session.id,
      session.agent,
      session.project?.name ?? "no project",
      when(session.startedAt),
      counted(session.events, "event"),
      `${quantity(allTokens(session.tokens))} tokens`,
      money(session.costUsd),
    ].join(" · "),
    ...(session.damagedLines > 0
      ? [`${counted(session.damagedLines, "damaged line")} in this transcript`]
      : []),
  ];
}

function linesOf(event: EventRow, parts: readonly Part[]): readonly string[] {
  const text = parts.find((part) => part.name === "text")?.body ?? event.summary ?? "";
  const indent = event.lane === null ? "" : "    ";
  const mark = event.rolledBack ? " (rolled back)" : "";
  if (event.kind === "prompt")
    return ["", `${indent}▌ ${when(event.at)}${mark}`, ...block(text, `${indent}▌ `)];
  if (SPOKEN.has(event.kind))
    return ["", ...block(event.kind === "error" ? `Error: ${text}` : text, `${indent}  `)];
  const facts = [
    event.tool ?? event.kind,
    oneLine(event.summary ?? ""),
    event.linesAdded === null && event.linesRemoved === null
      ? ""
      : `+${event.linesAdded ?? 0} −${event.linesRemoved ?? 0}`,
    event.exitCode === null ? "" : `exit ${event.exitCode}`,
    event.status === null || event.status === "ok" ? "" : event.status,
  ];
  return [`${indent}  · ${facts.filter((fact) => fact !== "").join("  ")}${mark}`];
}

function block(text: string, prefix: string): readonly string[] {
  return plainText(text)
    .trimEnd()
    .split("\n")
    .map((line) => `${prefix}${line}`.trimEnd());
}
