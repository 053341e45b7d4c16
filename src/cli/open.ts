import { builtInterface } from "../app/interface.ts";
import { noArguments, type Command, type CommandContext } from "./command.ts";
import { staying } from "./stay.ts";
import { print, say } from "./output.ts";

export const open: Command = {
  usage: ["open [--home DIR]"],
  about:
    "Starts the engine, captures what is there and what comes, and serves the interface on this machine alone, at the address\n" +
    "it prints (good for one use). With an engine running already it prints a new address of that one.",
  options: {},
  async run(context) {
    noArguments(context);
    const built = await builtInterface();
    if (!built.current) {
      say("Building the interface once …");
      await built.build();
    }
    return staying(context, {
      remote: async (client) => {
        print((await client.call("address", undefined)).url);
        return 0;
      },
      own: async (engine) => {
        const web = await engine.serveWeb(built.folder);
        if (web.movedFrom !== null) {
          say(
            `Port ${web.movedFrom} is taken, so the interface moved to ${web.port} and stays there. Pages that were open on the old one do not come back.`,
          );
        }
        print(web.newAddress());
        engine.live();
        await ended(context, engine.stopped);
        return 0;
      },
    });
  },
};

/** Resolves when a person ends it, from here or from another command. */
export async function ended({ signal }: CommandContext, stopped: Promise<void>): Promise<void> {
  const aborted = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  await Promise.race([aborted, stopped]);
}
