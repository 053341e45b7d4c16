/** For commands that stay (`open`, `watch`): beside an engine that stays, or as the engine. */
import { setTimeout as pause } from "node:timers/promises";
import type { Engine } from "../app/engine.ts";
import type { RemoteClient } from "../app/remote.ts";
import type { CommandContext } from "./command.ts";
import { say } from "./output.ts";

export interface Ways {
  remote(client: RemoteClient): Promise<number>;
  own(engine: Engine): Promise<number>;
}

/** An engine that belongs to a passing command (an import, say) is waited for, then followed. */
export async function staying(context: CommandContext, ways: Ways): Promise<number> {
  let said = false;
  for (;;) {
    const reached = await context.reach();
    if (reached.kind === "own") return ways.own(reached.engine);
    const { stays } = await reached.client.call("status", undefined);
    if (stays === true) return ways.remote(reached.client);
    if (!said) say("Another command is at work on this data; waiting for it to end …");
    said = true;
    await Promise.race([reached.client.closed, pause(RETRY_MS)]);
    await reached.close();
    context.forget();
    if (context.signal.aborted) return 0;
  }
}

const RETRY_MS = 500;
