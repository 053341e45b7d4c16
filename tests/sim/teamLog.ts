/**
 * The team's log at the relay. An honest one holds an append against its own clock and, of removals, against the heads of all
 * streams; it knows who is in the team, as its tables would.
 */
import type { Bytes } from "../../src/base/bytes.ts";
import type { TeamId } from "../../src/base/ids.ts";
import { fail, type Result } from "../../src/base/result.ts";
import { decodeEntry, teamOf } from "../../src/crypto/log/entry.ts";
import { replay } from "../../src/crypto/log/history.ts";
import type { TeamState } from "../../src/crypto/log/state.ts";
import type { Appended } from "../../src/sync/team/server.ts";
import { type EpochBeside, MemoryLog } from "../sync/memoryLog.ts";

const CLOCK_TOLERANCE_MS = 24 * 60 * 60 * 1000;

const states = new WeakMap<readonly Bytes[], TeamState>();

export class TeamLog extends MemoryLog {
  /** Milliseconds since 1970, by the relay's clock. */
  nowMs: () => number = () => 0;

  constructor(entries: readonly Bytes[], beside: readonly EpochBeside[]) {
    super();
    this.entries = entries;
    this.beside = beside;
  }

  /** What the entries come to that fit. */
  get state(): TeamState {
    const held = states.get(this.entries) ?? stateOf(this.entries);
    states.set(this.entries, held);
    return held;
  }

  /** The number of the newest one. */
  get epoch(): number {
    return this.state.epochs.length;
  }

  isIn(device: string): boolean {
    return this.state.devices.get(device)?.removed === null;
  }

  override async appendLog(
    team: TeamId,
    listed: number,
    appended: readonly Appended[],
  ): Promise<Result<void>> {
    if (appended.some(({ entry }) => this.#isOff(entry)))
      return fail("log-time", "This machine's clock is more than a day off. Set it and try again.");
    return super.appendLog(team, listed, appended);
  }

  /** The same history, going its own way from here. */
  override copy(): TeamLog {
    const copy = new TeamLog(this.entries, this.beside);
    copy.nowMs = this.nowMs;
    return copy;
  }

  #isOff(entry: Bytes): boolean {
    const decoded = decodeEntry(entry);
    return decoded.ok && Math.abs(decoded.value.atMs - this.nowMs()) > CLOCK_TOLERANCE_MS;
  }
}

function stateOf(entries: readonly Bytes[]): TeamState {
  const [first] = entries;
  const replayed = first && replay(teamOf(first), entries, null);
  if (!replayed?.ok) throw new Error("the entries found no team");
  return replayed.value.state;
}
