/** Is this installation well? Each row a check, its state, and what a person may want to know of it. */
import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import type { DoctorRow } from "./api.ts";
import type { Parts } from "./handlers.ts";
import { builtInterface } from "./interface.ts";

type Examined = Pick<
  Parts,
  "store" | "membership" | "secrets" | "capturing" | "profile" | "version"
>;

export async function examine(parts: Examined): Promise<readonly DoctorRow[]> {
  const { store, membership, secrets, capturing, profile, version } = parts;
  const counts = await store.views.counts();
  const mode = (await stat(profile.folder)).mode & 0o777;
  const place = await secrets.where();
  const damaged = await store.capture.damaged();
  const lines = damaged.reduce((sum, file) => sum + file.lines.length, 0);
  const built = await builtInterface();
  const account = membership.account();
  const roots = await capturing.roots();
  const held = new Map((await store.views.countsByAgent()).map((one) => [one.agent, one]));
  return [
    row("program", "ok", `Operon ${version} on Node ${process.versions.node}`),
    row(
      "data folder",
      mode === 0o700 ? "ok" : "warn",
      mode === 0o700
        ? `${profile.folder}, which only you can open`
        : `${profile.folder} can be opened by others (mode ${mode.toString(8)}): chmod 700 it`,
    ),
    row(
      "sessions",
      "ok",
      `${counted(counts.sessions, "session")} with ${counted(counts.events, "event")}`,
    ),
    ...store.notices.map((notice) => row("database", "warn", notice)),
    ...capturing.notices().map((notice) => row("watching", "warn", notice)),
    row(
      "damaged lines",
      lines === 0 ? "ok" : "warn",
      lines === 0
        ? "none"
        : `${counted(lines, "line")} in ${counted(damaged.length, "transcript")}; all others were read`,
    ),
    row("keys and tokens", place.keychain ? "ok" : "warn", `kept in ${place.detail}`),
    ...[...roots].map(([agent, folders]) =>
      row(agent, "ok", foundOf(folders, held.get(agent) ?? { sessions: 0, newest: null })),
    ),
    row(
      "interface",
      built.current ? "ok" : "warn",
      built.current ? built.folder : "will be built at the next operon open",
    ),
    row(
      "account",
      "ok",
      account === null
        ? "nobody is signed in: everything stays on this machine"
        : `${account.email} at ${account.url}`,
    ),
    row(
      "teams",
      "ok",
      membership
        .teams()
        .map(({ id, name }) => name ?? id)
        .join(", ") || "none",
    ),
  ];
}

interface HeldOf {
  readonly sessions: number;
  readonly newest: number | null;
}

/** Where an agent's transcripts lie, of the many places where they may, and what is held of them. */
function foundOf(folders: readonly string[], { sessions, newest }: HeldOf): string {
  const there = folders.filter((folder) => existsSync(folder));
  const where =
    folders.length === 0
      ? "read when you name a file"
      : there.length === 0
        ? "not found here"
        : there.join(", ");
  if (sessions === 0) return where;
  const at =
    newest === null ? "" : `, the newest of ${new Date(newest).toISOString().slice(0, 10)}`;
  return `${counted(sessions, "session")}${at}; ${where}`;
}

function counted(count: number, one: string): string {
  return `${count.toLocaleString("en-US")} ${count === 1 ? one : `${one}s`}`;
}

function row(check: string, state: DoctorRow["state"], detail: string): DoctorRow {
  return { check, state, detail };
}
