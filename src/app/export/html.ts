/**
 * One session as one page that needs nothing else: no script, no network, no file beside it. What the transcript says is
 * text in it, and a policy in its head keeps anything else from loading if some of it were not.
 */
import type { SessionRow } from "../api.ts";
import { renderNodes, renderEvent, timeOf, usageOf } from "./html-events.ts";
import { STYLE } from "./html-style.ts";
import { escapeHtml, escapeLineOf } from "./html-text.ts";
import { tracesOf, type EventTrace, type ExportedSession } from "./session.ts";

const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

export function toHtml(exported: ExportedSession): string {
  const { session } = exported;
  const title = escapeLineOf(titleOf(session));
  return [
    "<!doctype html>",
    '<html lang="en">',
    "<head>",
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${POLICY}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="referrer" content="no-referrer">',
    `<title>${title}</title>`,
    `<style>\n${STYLE}</style>`,
    "</head>",
    "<body>",
    "<header>",
    `<h1>${title}</h1>`,
    factsOf(session),
    "</header>",
    "<main>",
    ...tracesOf(exported).map((trace, i) => renderTrace(exported, trace, i)),
    "</main>",
    "</body>",
    "</html>",
    "",
  ].join("\n");
}

function titleOf(session: SessionRow): string {
  const title = session.title?.trim() ?? "";
  if (title !== "") return title;
  return session.project === null ? "Untitled session" : `Session in ${session.project.name}`;
}

/** What is not known has no row. */
function factsOf(session: SessionRow): string {
  const agent =
    session.agentVersion === null ? session.agent : `${session.agent} ${session.agentVersion}`;
  const rows: readonly (readonly [string, string | null])[] = [
    ["Agent", escapeLineOf(agent)],
    ["Models", session.models.length === 0 ? null : escapeLineOf(session.models.join(", "))],
    ["Project", session.project === null ? null : escapeLineOf(session.project.name)],
    ["Branch", session.gitBranch === null ? null : escapeLineOf(session.gitBranch)],
    ["Started", timeOf(session.startedAt)],
    ["Ended", timeOf(session.endedAt)],
    ["Usage", usageOf(session.calls === 0 ? null : session.tokens, session.costUsd)],
    ["Session", escapeHtml(session.id)],
  ];
  const shown = rows.flatMap(([name, value]) =>
    value === null ? [] : [`<dt>${name}</dt><dd>${value}</dd>`],
  );
  return `<dl>\n${shown.join("\n")}\n</dl>`;
}

function renderTrace(exported: ExportedSession, trace: EventTrace, index: number): string {
  return [
    "<section>",
    trace.prompt === null
      ? "<h2>Before the first prompt</h2>"
      : `<h2 id="prompt-${index + 1}">Prompt ${timeOf(trace.prompt.at) ?? ""}</h2>`,
    ...(trace.prompt === null ? [] : [renderEvent(exported, trace.prompt, [])]),
    renderNodes(exported, trace.nodes),
    "</section>",
  ].join("\n");
}
