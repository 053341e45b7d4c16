/** Numbers, money and times in words, as a person in a list reads them. `null` is "not recorded", never zero. */
import { localDay } from "../../base/days.ts";
import type { AgentId, Tokens } from "../../base/session.ts";
import type { SessionRow } from "../../app/api.ts";
import { oneLine } from "./visible.ts";

const AGENT_NAMES: Record<AgentId, string> = {
  "claude-code": "Claude Code",
  codex: "Codex",
  "gemini-cli": "Gemini CLI",
  opencode: "OpenCode",
  "copilot-cli": "Copilot CLI",
  cursor: "Cursor",
  cline: "Cline",
  roo: "Roo",
  aider: "Aider",
  pi: "Pi",
  "factory-droid": "Factory Droid",
  amp: "Amp",
  goose: "Goose",
};

export const DAY_MS = 86_400_000;
const NOTHING = "–";

export function agentName(agent: string): string {
  return (AGENT_NAMES as Record<string, string>)[agent] ?? agent;
}

/** Titles are made of prompts, which teammates do not get: of their sessions the project says most. */
export function sessionTitle(session: Pick<SessionRow, "title" | "project"> | undefined): string {
  if (session?.title) return oneLine(session.title);
  return session?.project ? `Session in ${oneLine(session.project.name)}` : "Untitled session";
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** `1,204` below ten thousand, then `12.4 k`, `3.1 M`. */
export function compactCount(count: number): string {
  if (count < 10_000) return count.toLocaleString("en");
  if (count < 1_000_000) return `${short(count / 1_000)} k`;
  if (count < 1_000_000_000) return `${short(count / 1_000_000)} M`;
  return `${short(count / 1_000_000_000)} G`;
}

export function exactCount(count: number): string {
  return count.toLocaleString("en");
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${exactCount(count)} ${count === 1 ? one : many}`;
}

export function money(usd: number | null): string {
  if (usd === null) return "unpriced";
  if (usd === 0) return "$0";
  if (usd < 0.005) return "<$0.01";
  return `$${usd.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}

export function allTokens(tokens: Tokens): number {
  return tokens.input + tokens.output + tokens.cacheRead + tokens.cacheWrite;
}

/** `0.3 s`, `41 s`, `2 m 10 s`, `3 h 4 m`. */
export function duration(ms: number | null): string {
  if (ms === null) return NOTHING;
  if (ms < 1_000) return ms < 50 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 10) return `${short(ms / 1_000)} s`;
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return withRest(minutes, "m", seconds % 60, "s");
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return withRest(hours, "h", minutes % 60, "m");
  return withRest(Math.floor(hours / 24), "d", hours % 24, "h");
}

export function bytes(count: number): string {
  if (count < 1_024) return `${count} B`;
  if (count < 1_048_576) return `${short(count / 1_024)} KB`;
  return `${short(count / 1_048_576)} MB`;
}

export function clockTime(at: number | null, seconds = false): string {
  if (at === null) return "";
  return new Date(at).toLocaleTimeString("en-GB", {
    hour: "2-digit",
    minute: "2-digit",
    ...(seconds ? { second: "2-digit" } : {}),
  });
}

/** The day and the second, in the reader's own zone, with the zone named. */
export function exactTime(at: number | null): string {
  if (at === null) return "time not recorded";
  return new Date(at).toLocaleString("en-GB", {
    weekday: "short",
    day: "numeric",
    month: "long",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    timeZoneName: "short",
  });
}

/** In a list: `now`, `4 m`, `14:02` today, `Thu 14:02` this week, `12 Nov`, `3 Sep 2025`. */
export function listTime(at: number | null, now: number): string {
  if (at === null) return NOTHING;
  const age = now - at;
  // What happened since the clock was last looked at lies a little ahead of it.
  if (age > -60_000 && age < 60_000) return "now";
  if (age >= 0 && age < 3_600_000) return `${Math.floor(age / 60_000)} m`;
  if (localDay(at) === localDay(now)) return clockTime(at);
  if (age >= 0 && age < 6 * DAY_MS) {
    return `${new Date(at).toLocaleDateString("en-GB", { weekday: "short" })} ${clockTime(at)}`;
  }
  return shortDate(at, now);
}

export function ago(at: number, now: number): string {
  const age = Math.max(0, now - at);
  return age < 5_000
    ? "just now"
    : `${duration(age < 60_000 ? Math.floor(age / 1_000) * 1_000 : age)} ago`;
}

export function dayLabel(at: number | null, now: number): string {
  if (at === null) return "Time not recorded";
  const key = localDay(at);
  if (key === localDay(now)) return "Today";
  if (key === localDay(now - DAY_MS)) return "Yesterday";
  if (now - at > 0 && now - at < 6 * DAY_MS) {
    return new Date(at).toLocaleDateString("en-GB", { weekday: "long" });
  }
  const sameYear = new Date(at).getFullYear() === new Date(now).getFullYear();
  return new Date(at).toLocaleDateString("en-GB", {
    weekday: "short",
    day: "numeric",
    month: "long",
    ...(sameYear ? {} : { year: "numeric" }),
  });
}

function shortDate(at: number, now: number): string {
  const sameYear = new Date(at).getFullYear() === new Date(now).getFullYear();
  return new Date(at).toLocaleDateString("en-GB", {
    day: "numeric",
    month: "short",
    ...(sameYear ? {} : { year: "numeric" }),
  });
}

function withRest(whole: number, unit: string, rest: number, restUnit: string): string {
  return rest === 0 ? `${whole} ${unit}` : `${whole} ${unit} ${rest} ${restUnit}`;
}

function short(value: number): string {
  return value < 10 ? value.toFixed(1).replace(/\.0$/, "") : Math.round(value).toLocaleString("en");
}
