/** What answers of the cloud's functions look like. A server's word is held against these before anything reads it. */
import * as v from "valibot";
import { type Bytes, fromBase64 } from "../base/bytes.ts";
import type { TeamId } from "../base/ids.ts";

/** Base64 text to bytes, at most `maxBytes`. */
export function base64(minBytes: number, maxBytes: number) {
  return v.pipe(
    v.string(),
    v.maxLength(Math.ceil(maxBytes / 3) * 4),
    v.rawTransform<string, Bytes>(({ dataset, addIssue, NEVER }) => {
      const bytes = decoded(dataset.value);
      if (bytes && bytes.length >= minBytes && bytes.length <= maxBytes) return bytes;
      addIssue({ message: "not base64 of that size" });
      return NEVER;
    }),
  );
}

export const TeamIdText = v.pipe(
  v.string(),
  v.regex(/^team_[0-9A-HJKMNP-TV-Z]{26}$/),
  v.transform((text) => text as TeamId),
);
export const ProjectUuid = v.pipe(
  v.string(),
  v.regex(/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/),
);
export const RowNumber = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
export const Hash = base64(32, 32);

const Role = v.picklist(["owner", "admin", "member"]);
const User = v.pipe(v.string(), v.uuid());

export const KeyRecords = v.array(
  v.object({ epoch: v.pipe(v.number(), v.safeInteger()), record: base64(1, 8192) }),
);

export const TeamStateShape = v.object({
  team: TeamIdText,
  role: Role,
  members: v.array(v.object({ user: User, role: Role })),
  devices: v.array(
    v.object({
      device: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)),
      user: User,
      card: base64(1, 4096),
    }),
  ),
  keys: KeyRecords,
  projects: v.array(ProjectUuid),
});

function decoded(text: string): Bytes | null {
  try {
    return fromBase64(text);
  } catch {
    return null;
  }
}
