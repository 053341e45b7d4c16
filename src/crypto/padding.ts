/**
 * How large a row looks: at least 256 bytes, above that the next Padmé size, which hides all but the highest few bits of
 * a length and costs at most 12 %.
 */
export const PADDED_FLOOR_BYTES = 256;

export function paddedSize(sizeBytes: number): number {
  if (sizeBytes <= PADDED_FLOOR_BYTES) return PADDED_FLOOR_BYTES;
  const exponent = 31 - Math.clz32(sizeBytes);
  const kept = 32 - Math.clz32(exponent);
  const step = 2 ** (exponent - kept);
  return Math.ceil(sizeBytes / step) * step;
}
