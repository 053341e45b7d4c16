/**
 * How a command reaches its profile: through the engine that runs there, else by being the engine while it runs.
 */
import { setTimeout as pause } from "node:timers/promises";
import { FaultError, raise } from "../base/result.ts";
import type { Clock } from "../base/clock.ts";
import type { ApiClient } from "./api.ts";
import type { Engine, EngineOptions } from "./engine.ts";
import { connectToEngine, type RemoteClient } from "./remote.ts";
import { engineProcess, listenOnSocket } from "./socket.ts";

export type Reached =
  | { readonly kind: "remote"; readonly client: RemoteClient; close(): Promise<void> }
  | {
      readonly kind: "own";
      readonly client: ApiClient;
      readonly engine: Engine;
      close(): Promise<void>;
    };

const ANSWER_MS = 3_000;
/** For an engine that has the processor and will answer, and for one that is just starting or ending. */
const PATIENCE_MS = 30_000;
const RETRY_MS = 50;

/** Throws `FaultError` when the folder is held by a process that does not answer, or the store cannot be opened. */
export async function connectOrRun(options: EngineOptions): Promise<Reached> {
  const { folder } = options.profile;
  const deadlineMs = options.clock.monotonicMs() + PATIENCE_MS;
  for (;;) {
    const answer = await connectToEngine(folder, ANSWER_MS);
    if (answer === "silent") {
      waitOrGiveUp(folder, options.clock, deadlineMs);
      continue;
    }
    if (answer !== "none") return remote(answer);
    const { openEngine } = await import("./engine.ts");
    const opened = await openEngine(options);
    if (opened.ok) return own(opened.value, options);
    if (opened.fault.type !== "locked") throw new FaultError(opened.fault);
    if (options.clock.monotonicMs() > deadlineMs) throw new FaultError(opened.fault);
    await pause(RETRY_MS);
  }
}

function remote(client: RemoteClient): Reached {
  return {
    kind: "remote",
    client,
    async close() {
      client.close();
      await client.closed;
    },
  };
}

async function own(engine: Engine, { profile, log }: EngineOptions): Promise<Reached> {
  const socket = await listenOnSocket(profile.folder, engine.host, log);
  return {
    kind: "own",
    client: engine.client,
    engine,
    async close() {
      await engine.finishCalls();
      await socket.close();
      await engine.close();
    },
  };
}

/** A busy engine may answer late; one that was stopped will not. */
function waitOrGiveUp(folder: string, clock: Clock, deadlineMs: number): void {
  const owner = engineProcess(folder);
  if (owner?.busy === true && clock.monotonicMs() < deadlineMs) return;
  const who = owner === null ? "Another process" : `Process ${owner.pid}`;
  const state = owner?.stopped === true ? "is stopped and" : "";
  const advice =
    owner === null
      ? "End it, then run this again."
      : owner.stopped
        ? `Let it go on (kill -CONT ${owner.pid}) or end it (kill ${owner.pid}), then run this again.`
        : `Wait, or end it (kill ${owner.pid}), then run this again.`;
  raise(
    "engine-silent",
    `${who} holds the data in ${folder}, ${state === "" ? "and" : `${state}`} does not answer. Nothing was read or changed. ${advice}`,
  );
}
