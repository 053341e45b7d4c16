/** What answers of the cloud's functions look like. A server's word is held against these before anything reads it. */
import * as v from "valibot";
import { type Bytes, fromBase64 } from "../base/bytes.ts";
import type { TeamId } from "../base/ids.ts";
import type { StreamCursor } from "../sync/transport.ts";

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

export const ProjectUuid = v.pipe(
  v.string(),
  v.regex(/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/),
);
/** Of rows in a stream, which is the newest one's number, or of entries in a log. */
export const Count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
export const Hash = base64(32, 32);

/** Streams: project, number and running hash of the newest row. */
export const Heads = v.array(v.tuple([v.nullable(ProjectUuid), Count, Hash]));

/** Of `team`. */
export function toCursors(
  team: TeamId,
  heads: v.InferOutput<typeof Heads>,
): readonly StreamCursor[] {
  return heads.map(([project, n, h]) => ({ stream: { team, project }, cursor: { n, h } }));
}

function decoded(text: string): Bytes | null {
  try {
    return fromBase64(text);
  } catch {
    return null;
  }
}
