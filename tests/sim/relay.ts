/**
 * The scripted relay: honest, except where a `Lie` bends its answers or devices are shown different views. It answers at
 * once; how long questions and answers travel, and whether they arrive, is the network's matter (`link.ts`).
 */
import type { Bytes } from "../../src/base/bytes.ts";
import type { TeamId } from "../../src/base/ids.ts";
import { fail, ok, type Result } from "../../src/base/result.ts";
import { roleOf } from "../../src/crypto/log/state.ts";
import { rowHash } from "../../src/crypto/row.ts";
import { compact, hasBody, listSnapshots, snapshotPage } from "../sync/compacted.ts";
import { peekHeader } from "../../src/crypto/header.ts";
import type { Cursor, StreamRef } from "../../src/sync/ports.ts";
import { streamKey } from "../../src/sync/streams.ts";
import type { Appended, KeptEpoch, LogPage, OpenedInvite } from "../../src/sync/team/server.ts";
import type {
  Asked,
  DroppedRow,
  Page,
  PulledRow,
  PushAnswer,
  Sealed,
  Signal,
  StreamCursor,
  Said,
  SnapshotList,
  SnapshotPage,
} from "../../src/sync/transport.ts";
import { TEAM } from "./cast.ts";
import { type StreamLog, View } from "./streamLog.ts";
import type { TeamLog } from "./teamLog.ts";

/** Larger rows are not brought by a poke. */
const BRING_MAX_BYTES = 4096;

/** Changes what one device (by name) is told. */
export interface Lie {
  pull?(who: string, page: Page, cursors: readonly StreamCursor[]): Page;
  /** Instead of storing the rows; null: as if there were no lie. */
  push?(
    who: string,
    stream: StreamRef,
    rows: readonly Sealed[],
    log: StreamLog,
  ): readonly PushAnswer[] | null;
  /** Null: it hears nothing. */
  poke?(who: string, signal: Poke): Signal | null;
  log?(who: string, page: LogPage, after: number): LogPage;
  epochs?(who: string, kept: readonly KeptEpoch[]): readonly KeptEpoch[];
  snapshots?(who: string, list: SnapshotList, stream: StreamRef): SnapshotList;
  /** Rows of the snapshot `last`. */
  snapshotRows?(who: string, page: SnapshotPage, stream: StreamRef, last: number): SnapshotPage;
}

export type Poke = Extract<Signal, { is: "poke" }>;

/** What the relay calls the row when it was pushed into `view`: for lies that carry some rows from one view to another. */
export type OnStored = (view: View, stream: StreamRef, row: Bytes) => void;

export class Relay {
  /** What everybody sees who is shown nothing else. */
  view: View;
  readonly views = new Map<string, View>();
  readonly lies = new Set<Lie>();
  /** On whose side it is, though the team's log says otherwise: their rows are taken, and they hear everything. */
  readonly sides = new Set<string>();
  onStored: OnStored | null = null;
  readonly #offered = new Map<string, number>();
  readonly #pageRows: number;
  readonly #listeners = new Set<Listener>();
  readonly #channels = new Map<string, Set<ChannelMember>>();

  /** A page holds at most `pageRows`. */
  constructor(pageRows: number, team: TeamLog) {
    this.#pageRows = pageRows;
    this.view = new View(team);
    this.hearAppends(team);
  }

  /** Those who listen in the epoch before and the one after an append are told of it. */
  hearAppends(team: TeamLog): void {
    team.onAppended = (before) => {
      const signal: Signal = { is: "log", listed: team.entries.length };
      for (const { who, epoch, hear } of this.#listeners)
        if (this.viewOf(who).team === team && (epoch === before || epoch === team.epoch))
          hear(signal);
    };
  }

  /** How many rows a device has pushed, stored or not. */
  offeredBy(who: string): number {
    return this.#offered.get(who) ?? 0;
  }

  /** Of all that it shows to anybody. */
  get rowCount(): number {
    const logs = [this.view, ...this.views.values()].flatMap((view) => view.logsOf(TEAM));
    return logs.reduce((sum, { rows }) => sum + rows.length, 0);
  }

  viewOf(who: string): View {
    return this.views.get(who) ?? this.view;
  }

  pull(who: string, team: TeamId, cursors: readonly Asked[], limit: number): Page {
    let page = this.#page(this.viewOf(who), team, cursors, Math.min(limit, this.#pageRows));
    for (const lie of this.lies) page = lie.pull?.(who, page, cursors) ?? page;
    return page;
  }

  push(who: string, stream: StreamRef, rows: readonly Sealed[]): Result<readonly PushAnswer[]> {
    const view = this.viewOf(who);
    for (const lie of this.lies) {
      const answers = lie.push?.(who, stream, rows, view.log(stream));
      if (answers) return ok(answers);
    }
    const refused = this.sides.has(who) ? null : refusal(view.team, rows);
    if (refused) return refused;
    this.#offered.set(who, this.offeredBy(who) + rows.length);
    return ok(this.#store(view, stream, rows));
  }

  async readLog(who: string, team: TeamId, after: number): Promise<Result<LogPage>> {
    const page = await this.viewOf(who).team.readLog(team, after);
    if (!page.ok) return page;
    let { value } = page;
    for (const lie of this.lies) value = lie.log?.(who, value, after) ?? value;
    return ok(value);
  }

  appendLog(
    who: string,
    team: TeamId,
    listed: number,
    entries: readonly Appended[],
  ): Promise<Result<void>> {
    return this.viewOf(who).team.appendLog(team, listed, entries);
  }

  async epochs(who: string, team: TeamId, device: string): Promise<Result<readonly KeptEpoch[]>> {
    const kept = await this.viewOf(who).team.epochs(team, device);
    if (!kept.ok) return kept;
    let { value } = kept;
    for (const lie of this.lies) value = lie.epochs?.(who, value) ?? value;
    return ok(value);
  }

  putKeyRecord(who: string, team: TeamId, entry: Bytes, record: Bytes): Promise<Result<void>> {
    return this.viewOf(who).team.putKeyRecord(team, entry, record);
  }

  openInvite(who: string, team: TeamId, proof: Bytes): Promise<Result<OpenedInvite>> {
    return this.viewOf(who).team.openInvite(team, proof);
  }

  /** A row that nobody pushed, at the end of a stream. */
  insert(view: View, stream: StreamRef, row: Bytes): void {
    this.#tell(view, stream, view.log(stream).append(row), row);
  }

  /** As a relay that answers an honest push, and carries the row to those who are shown the view. */
  carry(view: View, stream: StreamRef, row: Bytes): void {
    const answer = view.log(stream).store(row);
    if (answer.is === "stored") this.#tell(view, stream, answer, row);
  }

  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  join(channel: string, member: ChannelMember): () => void {
    const members = this.#channels.get(channel) ?? new Set();
    this.#channels.set(channel, members.add(member));
    return () => members.delete(member);
  }

  /** To everybody on the channel but `from`. */
  say(channel: string, from: ChannelMember | null, bytes: Bytes, is: Said = "row"): void {
    for (const member of this.#channels.get(channel) ?? [])
      if (member !== from) member.hear(bytes, is);
  }

  get channels(): readonly string[] {
    return [...this.#channels].filter(([, members]) => members.size > 0).map(([name]) => name);
  }

  snapshots(who: string, stream: StreamRef): SnapshotList {
    let list = listSnapshots(this.viewOf(who).log(stream));
    for (const lie of this.lies) list = lie.snapshots?.(who, list, stream) ?? list;
    return list;
  }

  snapshotRows(who: string, stream: StreamRef, last: number, after: number): SnapshotPage {
    let page = snapshotPage(this.viewOf(who).log(stream), last, after);
    for (const lie of this.lies) page = lie.snapshotRows?.(who, page, stream, last) ?? page;
    return page;
  }

  /** Whether bodies went that the snapshot covers. */
  compact(who: string, stream: StreamRef, last: number): boolean {
    const { team } = this.viewOf(who);
    const leads = (device: string) => {
      const role = roleOf(team.state, team.state.devices.get(device)?.member ?? "");
      return role === "owner" || role === "admin";
    };
    return compact(this.viewOf(who).log(stream), last, leads);
  }

  #page(view: View, team: TeamId, cursors: readonly Asked[], limit: number): Page {
    const from = new Map(cursors.map((asked) => [streamKey(asked.stream), asked]));
    const rows: PulledRow[] = [];
    const dropped: DroppedRow[] = [];
    let more = false;
    for (const log of view.logsOf(team)) {
      const { stream } = log;
      const asked = from.get(streamKey(stream));
      const start = asked?.cursor.n ?? 0;
      const end = Math.min(log.rows.length, start + limit - rows.length - dropped.length);
      more ||= end < log.rows.length;
      for (let at = start; at < end; at++) {
        const one = { stream, n: at + 1, row: log.rows[at] as Bytes };
        if (hasBody(log, one, asked?.held ?? 0)) rows.push(one);
        else dropped.push({ stream, n: one.n, hash: rowHash(one.row) });
      }
    }
    const heads = view.logsOf(team).map(({ stream, head }) => ({ stream, cursor: head }));
    return { rows, dropped, more, heads, listed: view.team.entries.length };
  }

  #store(view: View, stream: StreamRef, rows: readonly Sealed[]): readonly PushAnswer[] {
    const answers: PushAnswer[] = [];
    for (const row of rows) {
      const answer = view.log(stream).store(row);
      answers.push(answer);
      if (answer.is === "conflict") break;
      if (answer.is === "known") continue;
      this.#tell(view, stream, answer, row);
      this.onStored?.(view, stream, row);
    }
    return answers;
  }

  #tell(view: View, stream: StreamRef, { n, h }: Cursor, row: Bytes): void {
    const brought = row.length <= BRING_MAX_BYTES ? { stream, n, h, row } : null;
    for (const listener of this.#listeners) {
      if (this.viewOf(listener.who) !== view) continue;
      if (listener.epoch !== view.team.epoch && !this.sides.has(listener.who)) continue;
      let signal: Signal | null = { is: "poke", stream, n, brought };
      for (const lie of this.lies)
        if (signal?.is === "poke" && lie.poke) signal = lie.poke(listener.who, signal);
      if (signal) listener.hear(signal);
    }
  }
}

/** Rows of who is not in the team, or under a key that is not the newest. */
function refusal(team: TeamLog, rows: readonly Sealed[]): Result<never> | null {
  for (const row of rows) {
    const header = peekHeader(row);
    if (!header.ok) continue;
    if (!team.isIn(header.value.device))
      return fail("forbidden", "This account may not write there.");
    if (header.value.epoch !== team.epoch) return fail("stale-epoch", "The team has a newer key.");
  }
  return null;
}

export interface Listener {
  readonly who: string;
  /** Of the channel that it is on. */
  readonly epoch: number;
  hear(signal: Signal): void;
}

export interface ChannelMember {
  hear(bytes: Bytes, is: Said): void;
}
