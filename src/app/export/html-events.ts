/** The events of an exported page: what was said stands open, what was thought and done is folded. */
import type { FilePatch, Tokens } from "../../base/session.ts";
import type { EventRow } from "../api.ts";
import { escapeHtml, escapeLineOf } from "./html-text.ts";
import {
  bodyOf,
  patchesOf,
  picturesOf,
  type EventNode,
  type ExportedSession,
  type Picture,
} from "./session.ts";

export function renderNodes(exported: ExportedSession, nodes: readonly EventNode[]): string {
  return nodes.map(({ event, children }) => renderEvent(exported, event, children)).join("\n");
}

export function renderEvent(
  exported: ExportedSession,
  event: EventRow,
  children: readonly EventNode[],
): string {
  if (event.kind === "prompt" || event.kind === "response" || event.kind === "error")
    return renderSpoken(exported, event, children);
  const inner = [
    ...renderParts(exported, event),
    ...(children.length === 0 ? [] : [`<div>\n${renderNodes(exported, children)}\n</div>`]),
  ];
  const classes = [
    event.kind,
    ...(event.status === "error" ? ["failed"] : []),
    ...(event.rolledBack ? ["gone"] : []),
  ].join(" ");
  const line = lineOf(event);
  if (inner.length === 0) return `<p class="${classes}">${line}</p>`;
  return `<details class="${classes}"><summary>${line}</summary>\n${inner.join("\n")}\n</details>`;
}

function renderSpoken(
  exported: ExportedSession,
  event: EventRow,
  children: readonly EventNode[],
): string {
  const text = bodyOf(exported, event, "text") ?? event.summary ?? "";
  const facts = [
    event.kind === "error" ? "Error" : null,
    event.rolledBack ? "rolled back" : null,
    event.model === null ? null : escapeLineOf(event.model),
    usageOf(event.tokens, event.costUsd),
  ].filter((fact) => fact !== null);
  return [
    `<article class="${event.kind}${event.rolledBack ? " gone" : ""}">`,
    ...thinkingOf(exported, event),
    ...(text === "" ? [] : [pre(text, "prose")]),
    ...pictures(picturesOf(exported, event)),
    ...(facts.length === 0 ? [] : [`<div class="facts">${facts.join(" · ")}</div>`]),
    ...(children.length === 0 ? [] : [renderNodes(exported, children)]),
    "</article>",
  ].join("\n");
}

function thinkingOf(exported: ExportedSession, event: EventRow): readonly string[] {
  const thinking = bodyOf(exported, event, "thinking");
  if (thinking === null || thinking === "") return [];
  return [`<details><summary>Thinking</summary>${pre(thinking, "prose thinking")}</details>`];
}

function renderParts(exported: ExportedSession, event: EventRow): readonly string[] {
  const named = (heading: string, name: "text" | "plan" | "input" | "output"): string[] => {
    const body = bodyOf(exported, event, name);
    if (body === null || body === "") return [];
    return [`<h3>${heading}</h3>`, pre(name === "input" ? indented(body) : body)];
  };
  return [
    ...thinkingOf(exported, event),
    ...named("Text", "text"),
    ...named("Plan", "plan"),
    ...named("Input", "input"),
    ...patchesOf(exported, event).map(renderPatch),
    ...named("Output", "output"),
    ...pictures(picturesOf(exported, event)),
  ];
}

/** A tool's line: its name, what it did, and how that ended. */
function lineOf(event: EventRow): string {
  const lines =
    event.linesAdded === null && event.linesRemoved === null
      ? null
      : `+${event.linesAdded ?? 0} −${event.linesRemoved ?? 0}`;
  const facts = [
    event.rolledBack ? "rolled back" : null,
    lines,
    event.exitCode === null ? null : `exit ${event.exitCode}`,
    event.status === null || event.status === "ok" ? null : event.status,
    event.durationMs === null ? null : `${(event.durationMs / 1_000).toFixed(1)} s`,
    usageOf(event.tokens, event.costUsd),
  ].filter((fact) => fact !== null);
  const name = escapeLineOf(event.kind === "subagent" ? "sub-agent" : (event.tool ?? event.kind));
  const summary = escapeLineOf(event.summary ?? "");
  return [
    `<b>${name}</b>`,
    ...(summary === "" ? [] : [`<code>${summary}</code>`]),
    ...(facts.length === 0 ? [] : [`<span class="facts">${facts.join(" · ")}</span>`]),
  ].join(" ");
}

function renderPatch(patch: FilePatch): string {
  const change = { add: " (new file)", delete: " (deleted)", update: "" }[patch.change];
  const lines = patch.hunks.flatMap((hunk, i) => [
    ...placeOf(hunk, i),
    ...hunk.lines.map((line) => {
      const kind = line.startsWith("+") ? "add" : line.startsWith("-") ? "del" : "same";
      return `<span class="${kind}">${escapeHtml(line)}</span>`;
    }),
  ]);
  return `<figure><figcaption>${escapeLineOf(patch.path)}${change}</figcaption><pre>${lines.join("")}</pre></figure>`;
}

/** Line 1 is also what stands where no place was recorded, so nothing is said of it. */
function placeOf(hunk: FilePatch["hunks"][number], index: number): readonly string[] {
  const isKnown = hunk.oldStart !== 1 || hunk.newStart !== 1;
  if (!isKnown) return index === 0 ? [] : ['<span class="at">⋯</span>'];
  return [`<span class="at">@@ −${hunk.oldStart} +${hunk.newStart} @@</span>`];
}

const SHOWN = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);

function pictures(list: readonly Picture[]): readonly string[] {
  return list.map(({ mediaType, base64 }) =>
    SHOWN.has(mediaType) && /^[A-Za-z0-9+/]+={0,2}$/.test(base64)
      ? `<img alt="Image in the session" src="data:${mediaType};base64,${base64}">`
      : `<p class="facts">An image (${escapeLineOf(mediaType)}) that is not shown here</p>`,
  );
}

function pre(text: string, name = ""): string {
  return `<pre${name === "" ? "" : ` class="${name}"`}>\n${escapeHtml(text)}</pre>`;
}

/** JSON on lines of its own; anything else as it is. */
function indented(body: string): string {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" ? JSON.stringify(value, null, 2) : body;
  } catch {
    return body;
  }
}

/** Null: not recorded. */
export function timeOf(at: number | null): string | null {
  if (at === null) return null;
  const iso = new Date(at).toISOString();
  return `<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC</time>`;
}

export function usageOf(tokens: Tokens | null, costUsd: number | null): string | null {
  if (tokens === null) return null;
  const input = tokens.input + tokens.cacheRead + tokens.cacheWrite;
  const cost = costUsd === null ? "" : ` · $${costUsd.toFixed(costUsd < 0.1 ? 4 : 2)}`;
  return `${input.toLocaleString("en-US")} tokens in, ${tokens.output.toLocaleString("en-US")} out${cost}`;
}
