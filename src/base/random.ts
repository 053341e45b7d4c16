import type { Bytes } from "./bytes.ts";

/** Random bytes, passed in. */
export type Random = (sizeBytes: number) => Bytes;

/** From the platform: libsodium's WASM generator is some thirty times slower for a nonce. */
export const systemRandom: Random = (sizeBytes) =>
  crypto.getRandomValues(new Uint8Array(sizeBytes));
