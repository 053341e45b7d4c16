/**
 * The engine's state in words: for the eye with its numbers and times, which change by themselves, and for a screen
 * reader only what has become different.
 */
import type { Status, SyncState } from "../../app/api.ts";
import type { Link } from "./client.ts";
import { agentName, ago, clockTime, exactCount, plural } from "./format.ts";

export function linkWords(link: Link): string | null {
  switch (link.state) {
    case "lost":
      return `The engine is not running since ${clockTime(link.sinceMs)}; your edits are kept in this page and will be saved when it is back.`;
    case "refused":
      return "This page has no key for the engine. Run operon open and use the address it prints.";
    default:
      return null;
  }
}

/** A look at fewer is over before it is read. */
const LONG = 20;

export function captureWords(status: Status): string {
  const { state, progress } = status.capture;
  if (progress !== null && (state === "importing" || progress.total >= LONG))
    return `${progress.what} ${exactCount(progress.done)} of ${exactCount(progress.total)}`;
  return captureState(status);
}

function captureState({ capturing, capture: { state } }: Status): string {
  const agents = capturing.map(agentName).join(", ");
  if (state === "importing") return `Reading ${agents}`;
  if (state === "watching") return agents === "" ? "Watching for sessions" : `Capturing ${agents}`;
  return "Not capturing";
}

export function syncWords(sync: SyncState, nowMs: number): string {
  switch (sync.state) {
    case "local":
      return "Everything stays on this machine";
    case "offline":
      return `Offline since ${clockTime(sync.since)}${waitingWords(sync)}`;
    case "syncing":
      return `Syncing${progressWords(sync.progress)}${waitingWords(sync)}`;
    case "verified":
      return `Verified ${ago(sync.at, nowMs)}${waitingWords(sync)}`;
    case "alarm":
      return `${sync.alarms.length === 1 ? "Alarm" : plural(sync.alarms.length, "alarm")}${waitingWords(sync)}`;
  }
}

function progressWords(progress: Progress): string {
  return progress === null
    ? ""
    : `, ${exactCount(progress.done)} of ${exactCount(progress.total)} documents`;
}

type Progress = Extract<SyncState, { state: "syncing" }>["progress"];

function waitingWords({ waiting }: { readonly waiting: number }): string {
  return waiting > 0 ? `, ${plural(waiting, "edit")} waiting` : "";
}

/** What is worth saying aloud when it becomes this: no time, no count. Null: as before. */
export function spokenWords(status: Status): string | null {
  const sync = spokenSync(status.sync);
  return sync === null ? null : `${captureState(status)}. ${sync}`;
}

function spokenSync(sync: SyncState): string | null {
  switch (sync.state) {
    case "local":
      return "Everything stays on this machine.";
    case "offline":
      return "Offline. Your edits are kept on this machine.";
    // Comes and goes with every edit.
    case "syncing":
      return null;
    case "verified":
      return "Verified.";
    case "alarm":
      return `Alarm. ${sync.alarms.map(({ words }) => words).join(" ")}`;
  }
}
