/** The keys of a team's epochs, as the simulator needs them to look into rows. */
import { toHex } from "../../src/base/bytes.ts";
import { openEpochChain } from "../../src/crypto/log/epoch.ts";
import type { TeamKeys } from "../../src/crypto/team.ts";
import { Keyring } from "../../src/sync/team/keyring.ts";
import type { TeamLog } from "./teamLog.ts";

/** All that can be had with these keys, of any epoch, and what stands beside the log. */
export function keyringFrom({ state, beside }: TeamLog, keys: TeamKeys): Keyring {
  const records = new Map(
    state.epochs.flatMap(({ number, entry }) => {
      const record = beside.find((kept) => toHex(kept.entry) === toHex(entry))?.record;
      return record ? [[number, record] as const] : [];
    }),
  );
  const chain = openEpochChain(state, keys, records);
  return new Keyring(keys, chain.ok ? chain.value : new Map());
}
