/**
 * What travels between an engine and those who talk to it: one WebSocket, at `SOCKET_PATH`.
 *
 * Text frames are JSON: `{id, method, input}` is answered by `{id, output}` or `{id, fault}`; `{push}` comes unasked.
 * Binary frames carry a document that is being edited:
 *
 *     byte 0      what the frame is (`FRAME`)
 *     byte 1      length of the document's name, n
 *     2 … 2+n     the document's name, UTF-8 (a decision's document has the decision's id)
 *     4 bytes     number, big endian: of an UPDATE from the page, chosen by the page; of an ACK, the number it answers
 *     the rest    payload
 *
 * 1. The page sends OPEN with its state vector (a page that has nothing: the empty one).
 * 2. The engine answers STATE: its own state vector (4-byte length, bytes) and an update with what the page lacks. The
 *    page applies it and sends an UPDATE with what the engine lacks: `encodeStateAsUpdate(doc, vector)`. After a lost
 *    connection or a crash of the engine this begins again, so no side remembers what the other has. A STATE may also
 *    come unasked, when a page was too slow for single updates; it is answered in the same way. What was never acknowledged
 *    is sent from where it begins, whatever the engine says it has: others may have written under those names.
 * 3. An UPDATE of the page is answered by an ACK once it will survive a crash. Updates of others come as UPDATE.
 * 4. CLOSE ends it. REFUSED (payload: JSON `Fault`) says that the document cannot be opened or written, and closes it. Of type
 *    "names-taken": others did so; the page writes it again under other names (`renameTaken`) and opens the document again.
 * 5. PLACE says where in the document the person at the page is: field, anchor and head (`Y.encodeRelativePosition`), each
 *    behind its length in a byte. HERE (payload: JSON `HereRow[]`) says who else has it open, each time all of them.
 *
 * This file runs in the page too: nothing of Node's in it.
 */
import { concatBytes, fromUtf8, utf8, type Bytes } from "../base/bytes.ts";
import type { Fault } from "../base/result.ts";
import type { Push } from "./api.ts";

export const SOCKET_PATH = "/socket";

export const FRAME = {
  open: 1,
  state: 2,
  update: 3,
  ack: 4,
  close: 5,
  refused: 6,
  place: 7,
  here: 8,
} as const;
export type FrameKind = keyof typeof FRAME;

export interface DocFrame {
  readonly kind: FrameKind;
  readonly doc: string;
  /** 0 where it means nothing. */
  readonly number: number;
  readonly payload: Bytes;
}

/** Where a person is in a document; a caret only in a field. */
export interface PlaceHere {
  readonly field: string | null;
  readonly caret: { readonly anchor: Bytes; readonly head: Bytes } | null;
}

export interface CallFrame {
  readonly id: number;
  readonly method: string;
  readonly input?: unknown;
}

export type AnswerFrame =
  | { readonly id: number; readonly output: unknown }
  | { readonly id: number; readonly fault: Fault }
  | { readonly push: Push };

const KINDS = new Map<number, FrameKind>(
  Object.entries(FRAME).map(([kind, code]) => [code, kind as FrameKind]),
);
const EMPTY: Bytes = new Uint8Array(0);

/** Throws `RangeError` when the name is longer than 255 bytes. */
export function encodeFrame(
  kind: FrameKind,
  doc: string,
  number = 0,
  payload: Uint8Array = EMPTY,
): Bytes {
  const name = utf8(doc);
  if (name.length > 255) throw new RangeError("a document's name is at most 255 bytes");
  return concatBytes(new Uint8Array([FRAME[kind], name.length]), name, uint32(number), payload);
}

/** Null for anything that is no frame of this layout. */
export function decodeFrame(frame: Uint8Array): DocFrame | null {
  const kind = KINDS.get(frame[0] ?? 0);
  const end = 2 + (frame[1] ?? 0);
  if (kind === undefined || frame.length < end + 4) return null;
  try {
    return {
      kind,
      doc: fromUtf8(frame.subarray(2, end)),
      number: readUint32(frame, end),
      payload: frame.slice(end + 4) as Bytes,
    };
  } catch {
    return null;
  }
}

export function encodeState(vector: Uint8Array, update: Uint8Array): Bytes {
  return concatBytes(uint32(vector.length), vector, update);
}

/** Null when the payload is cut. */
export function decodeState(
  payload: Uint8Array,
): { readonly vector: Bytes; readonly update: Bytes } | null {
  if (payload.length < 4) return null;
  const end = 4 + readUint32(payload, 0);
  if (payload.length < end) return null;
  return { vector: payload.slice(4, end) as Bytes, update: payload.slice(end) as Bytes };
}

/** What is longer than 255 bytes is left out. */
export function encodePlace({ field, caret }: PlaceHere): Bytes {
  const parts = [utf8(field ?? ""), caret?.anchor ?? EMPTY, caret?.head ?? EMPTY];
  const fits = parts.every(({ length }) => length <= 255);
  return concatBytes(
    ...parts.flatMap((part) =>
      fits ? [new Uint8Array([part.length]), part] : [new Uint8Array(1)],
    ),
  );
}

/** Null when the payload is cut or is no text. */
export function decodePlace(payload: Uint8Array): PlaceHere | null {
  const parts: Bytes[] = [];
  let at = 0;
  while (parts.length < 3) {
    const end = at + 1 + (payload[at] ?? Number.POSITIVE_INFINITY);
    if (end > payload.length) return null;
    parts.push(new Uint8Array(payload.subarray(at + 1, end)));
    at = end;
  }
  const [name, anchor, head] = parts as [Bytes, Bytes, Bytes];
  try {
    const field = fromUtf8(name);
    if (field === "") return { field: null, caret: null };
    return { field, caret: anchor.length > 0 && head.length > 0 ? { anchor, head } : null };
  } catch {
    return null;
  }
}

function uint32(value: number): Bytes {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

function readUint32(bytes: Uint8Array, offset: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(offset);
}
