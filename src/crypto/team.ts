/** A team's keys, kept on each device, and what comes of them. */
import { type Bytes, concatBytes, fromBase64Url, toBase64Url, toHex, utf8 } from "../base/bytes.ts";
import type { TeamId } from "../base/ids.ts";
import type { Random } from "../base/random.ts";
import { Secret } from "../base/secret.ts";
import { inGroups, toBase32 } from "./base32.ts";
import { derive, deriveKey, ID_BYTES, KEY_BYTES, u32 } from "./hash.ts";
import { TEAM_SECRET_BYTES } from "./kdf.ts";

export interface TeamKeys {
  readonly team: TeamId;
  readonly epoch: number;
  /** 32 bytes. Everything the team encrypts in this epoch comes from it. */
  readonly epochKey: Secret<Bytes>;
  /** 32 bytes, the same in every epoch: names documents on the wire. */
  readonly idKey: Secret<Bytes>;
  /** 16 bytes, handed over in invites, never in clear on a server. */
  readonly teamSecret: Secret<Bytes>;
}

export function createTeamKeys(team: TeamId, random: Random): TeamKeys {
  return {
    team,
    epoch: 1,
    epochKey: new Secret(random(KEY_BYTES)),
    idKey: new Secret(random(KEY_BYTES)),
    teamSecret: new Secret(random(TEAM_SECRET_BYTES)),
  };
}

/** The team secret for paper: 26 letters and digits (Crockford base 32) in groups. */
export function formatTeamSecret(secret: Secret<Bytes>): string {
  return inGroups(toBase32(secret.reveal()));
}

/** For the device's own keychain. */
export function packTeamKeys(keys: TeamKeys): Secret<string> {
  const bytes = concatBytes(
    u32(keys.epoch),
    keys.epochKey.reveal(),
    keys.idKey.reveal(),
    keys.teamSecret.reveal(),
    utf8(keys.team),
  );
  return new Secret(toBase64Url(bytes));
}

/** Throws on text that `packTeamKeys` did not make. */
export function unpackTeamKeys(packed: Secret<string>): TeamKeys {
  const bytes = fromBase64Url(packed.reveal());
  const fixed = 4 + 2 * KEY_BYTES + TEAM_SECRET_BYTES;
  if (bytes.length <= fixed) throw new RangeError("not a team's keys");
  const at = (from: number, sizeBytes: number) => new Secret(bytes.slice(from, from + sizeBytes));
  return {
    epoch: new DataView(bytes.buffer).getUint32(0),
    epochKey: at(4, KEY_BYTES),
    idKey: at(4 + KEY_BYTES, KEY_BYTES),
    teamSecret: at(4 + 2 * KEY_BYTES, TEAM_SECRET_BYTES),
    team: new TextDecoder().decode(bytes.subarray(fixed)) as TeamId,
  };
}

/** The name of a document on the wire: 32 hex digits that say nothing without the team id key. */
export function wireDocumentId(keys: TeamKeys, document: string): string {
  return toHex(derive(keys.idKey, "document id", [utf8(document)], ID_BYTES));
}

/** The key that a document's rows are sealed with in this epoch. `wireId`: 32 hex digits. */
export function documentKey(keys: TeamKeys, wireId: string): Secret<Bytes> {
  return deriveKey(keys.epochKey, "document key", utf8(keys.team), u32(keys.epoch), utf8(wireId));
}

/** Names the channel of a stream for one epoch: 32 hex digits that a former member cannot tell. `project`: the cloud's id. */
export function channelTag(keys: TeamKeys, project: string | null): string {
  const stream = utf8(`${keys.team}/${project ?? ""}`);
  return toHex(derive(keys.epochKey, "channel tag", [u32(keys.epoch), stream], ID_BYTES));
}
