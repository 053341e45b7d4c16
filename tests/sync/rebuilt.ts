/** Snapshots of a test's stream, as a device of its team builds them. */
import type { DocId } from "../../src/base/ids.ts";
import { unwrap } from "../../src/base/result.ts";
import { wireDocumentId } from "../../src/crypto/team.ts";
import { buildSnapshot } from "../../src/sync/rebuild.ts";
import type { Snapshot } from "../../src/sync/snapshot.ts";
import { Team } from "../../src/sync/team/team.ts";
import { seededRandom } from "../crypto/samples.ts";
import { TEAM_STREAM, type TestDevice, type TestTeam } from "./team.ts";

/** Rows behind `from`, up to `to`, as a server gives them. */
export function rowsOf(team: TestTeam, from = 0, to = Infinity) {
  const { rows, stream } = team.server.stream(TEAM_STREAM);
  return rows.map((row, i) => ({ stream, n: i + 1, row })).filter(({ n }) => n > from && n <= to);
}

export async function optionsOf(team: TestTeam, device: TestDevice) {
  const { store, transport, identity, keys } = device;
  const seen = new Team({
    ...{ store, server: transport, device: identity, keys, keepKeys: async () => {} },
    ...{ clock: team.time.clock, random: seededRandom("rebuild") },
  });
  unwrap(await seen.open());
  const wireId = (id: DocId) => wireDocumentId(keys, id);
  return { team: seen, wireId, entry: seen.state.head.n };
}

export async function rebuilt(
  team: TestTeam,
  device: TestDevice,
  base: Parameters<typeof buildSnapshot>[2] = null,
  to = Infinity,
): Promise<Snapshot> {
  const rows = rowsOf(team, base?.n ?? 0, to);
  const built = await buildSnapshot(await optionsOf(team, device), TEAM_STREAM, base, rows);
  if (!built) throw new Error("nothing was built");
  return built;
}
