/**
 * PGlite with two changes.
 *
 * - After a PANIC (a full disk while writing the log) the embedded server hangs when asked anything more. Here
 *   such a database is *dead*: every further call fails at once with the same sentence, and closing it does nothing.
 * - Bytes travel as bytes: a `bytea` or array parameter given as a `Uint8Array` is sent in binary form
 *   (see `arrays.ts`), which makes bulk inserts some five times cheaper, and `bytea` results are decoded natively.
 *   The one parameter of a `copy … from` is what it finds in `ROWS_DEVICE`: PGlite's own way, a Blob, is copied three times,
 *   once of them byte by byte.
 */
import {
  PGlite,
  types,
  type PGliteOptions,
  type QueryOptions,
  type Results,
} from "@electric-sql/pglite";
import { type Fault, FaultError } from "../base/result.ts";
import { diskFull, isDiskFull, isPanic, stopped } from "./faults.ts";

type Protocol = Parameters<PGlite["execProtocolStream"]>;

/** Bounds the log kept on disk; a checkpoint costs little where nothing is fsynced. */
const SETTINGS = ["max_wal_size=128MB", "min_wal_size=32MB", "jit=off"];

const START_PARAMS = [
  ...PGlite.defaultStartParams,
  ...SETTINGS.flatMap((setting) => ["-c", setting]),
];

export const ROWS_DEVICE = "/dev/rows";
const ROWS_DEVICE_NUMBER = 99;
const NOTHING = new Uint8Array(0);

/** What is used of Emscripten's file system. */
interface Devices {
  makedev(major: number, minor: number): number;
  registerDevice(device: number, operations: object): void;
  mkdev(path: string, device: number): void;
}

export class Engine extends PGlite {
  readonly folder: string;
  /** What the device gives. */
  #rows: Uint8Array = NOTHING;
  #dead: Fault | null = null;

  private constructor(folder: string, options: PGliteOptions) {
    super(folder, options);
    this.folder = folder;
  }

  /** Rejects when the folder does not open. */
  static async start(folder: string): Promise<Engine> {
    const engine = new Engine(folder, { startParams: START_PARAMS });
    await engine.waitReady;
    engine.#sendBytesAsBytes();
    engine.#serveRows();
    return engine;
  }

  /** Why nothing more can be asked of this database, or null. */
  get dead(): Fault | null {
    return this.#dead;
  }

  override async execProtocolStream(...args: Protocol): ReturnType<PGlite["execProtocolStream"]> {
    if (this.#dead !== null) throw new FaultError(this.#dead);
    try {
      return await super.execProtocolStream(...args);
    } catch (error) {
      throw this.#judge(error);
    }
  }

  override async query<T>(
    text: string,
    params?: unknown[],
    options?: QueryOptions,
  ): Promise<Results<T>> {
    const [rows] = params ?? [];
    if (!text.startsWith("copy ") || !(rows instanceof Uint8Array))
      return super.query<T>(text, params, options);
    this.#rows = rows;
    try {
      return await super.query<T>(text, [], options);
    } finally {
      this.#rows = NOTHING;
    }
  }

  override async close(): Promise<void> {
    if (this.#dead === null) await super.close();
  }

  #judge(error: unknown): unknown {
    const fault = isDiskFull(error) ? diskFull(this.folder) : null;
    const fatal = isPanic(error) || (error as Error | null)?.name === "RuntimeError";
    if (fatal) this.#dead = fault ?? stopped(this.folder, String((error as Error).message));
    const known = fault ?? this.#dead;
    return known === null ? withoutValues(error) : new FaultError(known);
  }

  #serveRows(): void {
    const fs: Devices = this.Module.FS;
    const device = fs.makedev(ROWS_DEVICE_NUMBER, 0);
    fs.registerDevice(device, {
      open: () => undefined,
      close: () => undefined,
      read: (_: unknown, into: Int8Array, at: number, length: number, position: number) => {
        const some = this.#rows.subarray(position, position + length);
        into.set(some, at);
        return some.length;
      },
    });
    fs.mkdev(ROWS_DEVICE, device);
  }

  #sendBytesAsBytes(): void {
    const arrays = [types.TEXT, types.BYTEA, types.INT8, types.BOOL].map(
      (oid) => ARRAY_OF[oid] as number,
    );
    for (const oid of [types.BYTEA, ...arrays]) {
      const asText = this.serializers[oid];
      this.serializers[oid] = (value: unknown) =>
        value instanceof Uint8Array
          ? (value as unknown as string)
          : (asText?.(value) ?? String(value));
    }
    this.parsers[types.BYTEA] = (hex: string) => new Uint8Array(Buffer.from(hex.slice(2), "hex"));
  }
}

/** PGlite hangs a query's parameters on its errors: a transcript's text must not end in somebody's log. */
function withoutValues(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  Object.defineProperty(error, "params", {
    get: () => undefined,
    set: () => {},
    configurable: true,
  });
  return Object.defineProperty(error, "query", {
    value: undefined,
    writable: true,
    enumerable: false,
  });
}

/** PostgreSQL's fixed ids of array types, by the id of their element. */
const ARRAY_OF: Readonly<Record<number, number>> = {
  [types.BOOL]: 1000,
  [types.BYTEA]: 1001,
  [types.TEXT]: 1009,
  [types.INT8]: 1016,
};
