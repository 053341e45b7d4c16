/** What a segment says of each of its documents: 16 bytes, kept together and held in memory. */
export interface SegmentDoc {
  readonly doc: number;
  /** Words in it. */
  readonly length: number;
  /** Milliseconds since the epoch; 0 when unknown. */
  readonly at: number;
}

const DOC_BYTES = 16;

export function encodeDocs(docs: readonly SegmentDoc[]): Uint8Array {
  const bytes = Buffer.alloc(docs.length * DOC_BYTES);
  docs.forEach(({ doc, length, at }, i) => {
    bytes.writeUInt32LE(doc, i * DOC_BYTES);
    bytes.writeUInt32LE(length, i * DOC_BYTES + 4);
    bytes.writeDoubleLE(at, i * DOC_BYTES + 8);
  });
  return bytes;
}

export function decodeDocs(data: Uint8Array): readonly SegmentDoc[] {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.length);
  return Array.from({ length: data.length / DOC_BYTES }, (_, i) => ({
    doc: bytes.readUInt32LE(i * DOC_BYTES),
    length: bytes.readUInt32LE(i * DOC_BYTES + 4),
    at: bytes.readDoubleLE(i * DOC_BYTES + 8),
  }));
}
