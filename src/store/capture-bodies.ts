/** Bodies that reach events which stand in the database: read again, or brought by a patch. */
import type { EventId, SessionId } from "../base/ids.ts";
import type { Part, PartName } from "../base/session.ts";
import { bigintArray, textArray, withoutNul } from "../pg/arrays.ts";
import type { Commit } from "./capture.ts";
import type { SessionDraft } from "./capture-sessions.ts";
import { bodiesOf, readPacks, releasePacks, splitColumn } from "./packs.ts";

export interface BodyOf {
  readonly event: EventId;
  readonly session: SessionId;
  readonly part: Part;
}

interface Row {
  readonly id: EventId;
  readonly session_id: SessionId;
  readonly bodies: string | null;
}

interface Replaced extends Row {
  readonly parts: readonly Part[];
}

const SUMMARY_CHARS = 200;
const LOOKED_AT_CHARS = 1_000;

/** Writes bodies that differ, into events of their own session only. Of one name the last is written. */
export async function replaceBodies(commit: Commit, bodies: readonly BodyOf[]): Promise<void> {
  if (bodies.length === 0) return;
  const byEvent = Map.groupBy(bodies, ({ event }) => event);
  for (const event of byEvent.keys()) commit.fresh.forget(event);
  const found = await commit.tx.query<Row>(
    "select id, session_id, bodies from events where id = any($1::text[])",
    [textArray([...byEvent.keys()])],
  );
  const given = found.rows.map((row) => ({
    ...row,
    parts: onePerName(
      (byEvent.get(row.id) ?? [])
        .filter(({ session }) => session === row.session_id)
        .map(({ part }) => part),
    ),
  }));
  const replaced = (await differing(commit, given)).filter(({ parts }) => parts.length > 0);
  if (replaced.length === 0) return;
  const split = replaced.map(({ bodies, parts }) => splitColumn(bodies, namesOf(parts)));
  const drafts = replaced.map(({ session_id }) => commit.sessions.get(session_id) as SessionDraft);
  for (const draft of drafts) draft.changed = true;
  await Promise.all([
    releasePacks(
      commit.tx,
      split.map(([before]) => before),
    ),
    commit.tx.query(
      `update events e set bodies = x.bodies, first_line = coalesce(x.first_line, e.first_line), rev = x.rev
       from unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) as x(id, bodies, first_line, rev)
       where e.id = x.id`,
      [
        textArray(replaced.map(({ id }) => id)),
        textArray(replaced.map(({ parts }, i) => commit.packs.place(parts, split[i]?.[1]))),
        textArray(replaced.map(({ parts }) => firstLine(parts))),
        bigintArray(drafts.map(({ rev }) => rev)),
      ],
    ),
  ]);
}

/** Of each event those that it does not have like this. */
async function differing(commit: Commit, given: readonly Replaced[]): Promise<readonly Replaced[]> {
  const alike = given.map(({ bodies, parts }) => {
    const bytes = new Map(bodiesOf(bodies).map((body) => [body.name, body.bytes]));
    return parts.filter(
      ({ name, body }) => bytes.get(name) === Buffer.byteLength(withoutNul(body)),
    );
  });
  const held = await readPacks(
    commit.tx,
    given.map(({ bodies }, i) => splitColumn(bodies, namesOf(alike[i] as readonly Part[]))[0]),
  );
  return given.map((row, i) => {
    const before = new Map(held[i]?.map(({ name, body }) => [name, body]));
    const parts = row.parts.filter(
      ({ name, body }) => before.get(name) !== withoutNul(body).toWellFormed(),
    );
    return { ...row, parts };
  });
}

function namesOf(parts: readonly Part[]): ReadonlySet<PartName> {
  return new Set(parts.map(({ name }) => name));
}

export function onePerName(parts: readonly Part[]): readonly Part[] {
  return parts.length < 2 ? parts : [...new Map(parts.map((part) => [part.name, part])).values()];
}

/** Of an event's text, so that a list of events needs no bodies. Empty: it has none. Null: there is no text. */
export function firstLine(parts: readonly Part[]): string | null {
  const text = parts.find(({ name }) => name === "text");
  if (text === undefined) return null;
  const line = text.body
    .slice(0, LOOKED_AT_CHARS)
    .split("\n")
    .find((candidate) => /\S/u.test(candidate));
  return line?.trim().slice(0, SUMMARY_CHARS) ?? "";
}
