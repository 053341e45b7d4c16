/** The thread in which a database runs: does what `threaded.ts` asks, in the order it asks. */
import { parentPort, workerData } from "node:worker_threads";
import type { QueryOptions, Results } from "@electric-sql/pglite";
import { FaultError, type Fault } from "../base/result.ts";
import { Engine } from "./engine.ts";

/** What crosses as it is: parsers are functions and stay behind. */
export type AskedOptions = Pick<QueryOptions, "rowMode">;

export interface Request {
  readonly id: number;
  readonly kind: "started" | "query" | "exec" | "close";
  readonly text: string;
  readonly params: unknown[];
  readonly options: AskedOptions | undefined;
}

export type Answer =
  | { readonly id: number; readonly results: readonly Results[] }
  | { readonly id: number; readonly error: ToldError };

export interface Notification {
  readonly channel: string;
  readonly payload: string;
}

export type Told = readonly Answer[] | Notification;

/** An error as it crosses: its class stays behind, what is asked of it does not. */
export interface ToldError {
  readonly fault: Fault | null;
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** PostgreSQL's and Node's: code, severity, detail, … */
  readonly fields: Readonly<Record<string, unknown>>;
}

const port = parentPort as NonNullable<typeof parentPort>;
const starting = Engine.start(workerData as string);
starting.then(
  (engine) => engine.onNotification((channel, payload) => answer({ channel, payload })),
  () => undefined,
);
let last: Promise<void> = Promise.resolve();
port.on("message", (requests: readonly Request[]) => {
  last = last.then(() => workAll(requests));
});

/** What was asked together is answered together: waking a thread costs as much as a small statement. */
async function workAll(requests: readonly Request[]): Promise<void> {
  const answers: Answer[] = [];
  for (const request of requests) {
    answers.push(
      await work(request).then(
        (results) => ({ id: request.id, results }),
        (error: unknown) => ({ id: request.id, error: tell(error) }),
      ),
    );
  }
  answer(answers);
}

async function work({ kind, text, params, options }: Request): Promise<readonly Results[]> {
  const engine = await starting;
  switch (kind) {
    case "query":
      return [await engine.query(text, params, options)];
    case "exec":
      return engine.exec(text);
    case "close":
      await engine.close();
      return [];
    case "started":
      return [];
  }
}

function answer(message: Told): void {
  port.postMessage(message);
}

function tell(error: unknown): ToldError {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  const fields = Object.entries(error ?? {}).filter(
    ([, value]) => typeof value === "string" || typeof value === "number",
  );
  const fault = error instanceof FaultError ? error.fault : null;
  return { fault, name, message, stack, fields: Object.fromEntries(fields) };
}
