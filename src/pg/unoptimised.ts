/**
 * V8 compiles WebAssembly function by function when first called, and again, optimised, when hot. Here what is first called
 * meanwhile stays as it is.
 *
 * Of PostgreSQL these are the parser and others with one function of 100 KB each. They are hot at the first statements
 * of every process and cost the optimising compiler three quarters of a second and 600 MB; what that buys is at most a fifth
 * of the database thread's time in a long import. The flag is the process's, so it is given back: left on, libsodium would
 * take five times as long.
 */
import { setFlagsFromString } from "node:v8";

export async function unoptimised<T>(work: () => Promise<T>): Promise<T> {
  // Never needed again: it would have all optimised at once where nothing is counted.
  setFlagsFromString("--no-wasm-tier-up");
  setFlagsFromString("--no-wasm-dynamic-tiering");
  try {
    return await work();
  } finally {
    setFlagsFromString("--wasm-dynamic-tiering");
  }
}
