/** The keys of all epochs of a team that this device has. */
import type { Bytes } from "../../base/bytes.ts";
import type { Secret } from "../../base/secret.ts";
import type { TeamKeys } from "../../crypto/team.ts";

export class Keyring {
  /** What is written now is sealed with these. */
  readonly newest: TeamKeys;
  readonly #epochKeys: ReadonlyMap<number, Secret<Bytes>>;

  /** `former`: epoch keys by the epoch's number. */
  constructor(newest: TeamKeys, former: ReadonlyMap<number, Secret<Bytes>>) {
    this.newest = newest;
    this.#epochKeys = former;
  }

  /** Null: not of this device's. The team secret is the newest one's. */
  of(epoch: number): TeamKeys | null {
    if (epoch === this.newest.epoch) return this.newest;
    const epochKey = this.#epochKeys.get(epoch);
    return epochKey === undefined ? null : { ...this.newest, epoch, epochKey };
  }
}
