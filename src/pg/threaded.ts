/**
 * An `Engine` in a thread of its own, behind the part of PGlite's interface that the rooms use: while PostgreSQL works
 * on one commit the next transcript is read, and whoever waits for an answer of another kind does not wait for either.
 *
 * What was wrong arrives as it was: faults as `FaultError`, PostgreSQL's errors with their code. A thread that ends by
 * itself is a database that stopped.
 */
import { Worker } from "node:worker_threads";
import type { PGlite, Results, Transaction } from "@electric-sql/pglite";
import { type Fault, FaultError } from "../base/result.ts";
import { stopped } from "./faults.ts";
import type { Answer, AskedOptions, Request, Told, ToldError } from "./thread.ts";

type Asked = PromiseWithResolvers<readonly Results[]>;
type OnPayload = (payload: string) => void;

const THREAD = new URL("./thread.ts", import.meta.url);

export class Threaded {
  readonly folder: string;
  readonly #worker: Worker;
  readonly #asked = new Map<number, Asked>();
  readonly #listeners = new Map<string, Set<OnPayload>>();
  #last: Promise<unknown> = Promise.resolve();
  /** Asked and not sent yet. */
  #unsent: Request[] = [];
  #number = 0;
  #ended: Fault | null = null;

  private constructor(folder: string) {
    this.folder = folder;
    this.#worker = new Worker(THREAD, { workerData: folder });
    this.#worker.on("message", (told: Told) => this.#hear(told));
    this.#worker.on("error", (error) => this.#end(String(error)));
    this.#worker.on("exit", (code) => this.#end(`its thread ended with ${code}`));
  }

  /** Rejects when the folder does not open. */
  static async start(folder: string): Promise<Threaded> {
    const threaded = new Threaded(folder);
    try {
      await threaded.#ask("started");
      return threaded;
    } catch (error) {
      await threaded.#worker.terminate();
      throw error;
    }
  }

  /** The only cast: the rooms use `query`, `exec`, `transaction`, `listen` and `close`, and nothing else. */
  get asPGlite(): PGlite {
    return this as unknown as PGlite;
  }

  async query<T>(
    text: string,
    params?: readonly unknown[],
    options?: AskedOptions,
  ): Promise<Results<T>> {
    return this.#alone(() => this.#query<T>(text, params, options));
  }

  async exec(text: string): Promise<readonly Results[]> {
    return this.#alone(() => this.#ask("exec", text));
  }

  /**
   * Rolled back when `work` throws. Of statements that were asked together each one after the first failure fails too, and
   * may be heard first: it tells of the first.
   */
  async transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.#alone(async () => {
      let closed = false;
      let failure: unknown = null;
      const first = (error: unknown): never => {
        failure ??= error;
        throw isAborted(error) ? failure : error;
      };
      // Not waited for: it goes with the first statement.
      this.#ask("exec", "BEGIN")
        .catch(first)
        .catch(() => undefined);
      const open = (): void => {
        if (closed) throw new Error("Transaction is closed");
      };
      const tx = {
        query: async (text: string, params?: readonly unknown[], options?: AskedOptions) => {
          open();
          return this.#query<unknown>(text, params, options).catch(first);
        },
        exec: async (text: string) => {
          open();
          return this.#ask("exec", text).catch(first);
        },
      };
      try {
        const value = await work(tx as unknown as Transaction);
        closed = true;
        const [done] = await this.#ask("exec", "COMMIT");
        if (done?.command === "ROLLBACK") throw new Error("The transaction was aborted");
        return value;
      } catch (error) {
        if (!closed) {
          closed = true;
          await this.#ask("exec", "ROLLBACK");
        }
        throw error;
      }
    });
  }

  async listen(channel: string, onPayload: OnPayload): Promise<void> {
    const listeners = this.#listeners.get(channel) ?? new Set();
    this.#listeners.set(channel, listeners.add(onPayload));
    await this.exec(`LISTEN ${channel}`);
  }

  async close(): Promise<void> {
    await this.#alone(async () => {
      if (this.#ended === null) await this.#ask("close");
    });
    this.#worker.removeAllListeners();
    this.#end("it was closed");
    await this.#worker.terminate();
  }

  /** One after another; what is asked inside a transaction is not asked through here. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#last.then(work);
    this.#last = next.catch(() => undefined);
    return next;
  }

  async #query<T>(
    text: string,
    params?: readonly unknown[],
    options?: AskedOptions,
  ): Promise<Results<T>> {
    const [results] = await this.#ask("query", text, params, options);
    return results as Results<T>;
  }

  #ask(
    kind: Request["kind"],
    text = "",
    params: readonly unknown[] = [],
    options?: AskedOptions,
  ): Promise<readonly Results[]> {
    if (this.#ended !== null) return Promise.reject(new FaultError(this.#ended));
    const id = this.#number++;
    const asked: Asked = Promise.withResolvers();
    if (this.#unsent.length === 0) queueMicrotask(() => this.#send());
    this.#unsent.push({ id, kind, text, params: params.map(ownCopy), options });
    this.#asked.set(id, asked);
    this.#worker.ref();
    return asked.promise;
  }

  /** What is asked without waiting for an answer in between goes together. */
  #send(): void {
    const requests = this.#unsent;
    this.#unsent = [];
    const copies = requests.flatMap(({ params }) => params.filter(isBytes));
    this.#worker.postMessage(
      requests,
      copies.map(({ buffer }) => buffer),
    );
  }

  #hear(told: Told): void {
    if ("channel" in told)
      for (const listener of this.#listeners.get(told.channel) ?? []) listener(told.payload);
    else for (const answer of told) this.#take(answer);
  }

  #take(answer: Answer): void {
    const asked = this.#asked.get(answer.id);
    this.#asked.delete(answer.id);
    // A process may end while its database has nothing to do.
    if (this.#asked.size === 0) this.#worker.unref();
    if ("error" in answer) asked?.reject(errorOf(answer.error));
    else asked?.resolve(answer.results);
  }

  #end(reason: string): void {
    this.#ended ??= stopped(this.folder, reason);
    for (const asked of this.#asked.values()) asked.reject(new FaultError(this.#ended));
    this.#asked.clear();
  }
}

/** Refused only because a statement before it in the transaction failed. */
function isAborted(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === "25P02";
}

/** Bytes cross as a buffer of just their length: cloned, a view brings the whole buffer that it looks into. */
function ownCopy(value: unknown): unknown {
  return isBytes(value) ? new Uint8Array(value) : value;
}

function isBytes(value: unknown): value is Uint8Array<ArrayBuffer> {
  return value instanceof Uint8Array;
}

function errorOf({ fault, name, message, stack, fields }: ToldError): Error {
  if (fault !== null) return new FaultError(fault);
  const error = name === "RangeError" ? new RangeError(message) : new Error(message);
  return Object.assign(error, { name, ...(stack !== undefined && { stack }) }, fields);
}
