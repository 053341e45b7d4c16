/**
 * The binary frames in which clients of vsn 2.0.0 broadcast, as `@supabase/realtime-js` 2.x lays them out
 * (`lib/serializer.ts`). Lengths are of one byte each and count bytes:
 *
 * - said (3): kind, lengths of join ref, ref, topic, event, metadata, encoding; then these and the payload.
 * - heard (4): kind, lengths of topic, event, metadata, encoding; then these and the payload.
 */
const SAID = 3;
const HEARD = 4;
const SAID_HEADER_BYTES = 7;

export interface Said {
  readonly topic: string;
  readonly event: Buffer;
  /** 0: bytes, 1: JSON. Passed on as it is. */
  readonly encoding: number;
  readonly payload: Buffer;
}

/** Null: no such frame. Metadata asks for things the relay does not have, and is left out. */
export function decodeSaid(frame: Buffer): Said | null {
  if (frame.length < SAID_HEADER_BYTES || frame[0] !== SAID) return null;
  const lengths = [...frame.subarray(1, 6)];
  let at = SAID_HEADER_BYTES;
  const [, , topic, event] = lengths.map((length) => frame.subarray(at, (at += length)));
  if (!topic || !event || at > frame.length) return null;
  return {
    topic: topic.toString("utf8"),
    event,
    encoding: frame[6] as number,
    payload: frame.subarray(at),
  };
}

export function encodeHeard({ topic, event, encoding, payload }: Said): Buffer {
  const name = Buffer.from(topic, "utf8");
  const header = Buffer.from([HEARD, name.length, event.length, 0, encoding]);
  return Buffer.concat([header, name, event, payload]);
}
