import type { ApiClient } from "../app/api.ts";
import { noArguments, type Command, type CommandContext } from "./command.ts";
import { ended } from "./open.ts";
import { oneLine, print, printJson, say } from "./output.ts";
import { staying } from "./stay.ts";
import { when } from "./words.ts";

export const watch: Command = {
  usage: ["watch [--home DIR] [--json]"],
  about:
    "Captures as it happens, until you end it, and says which sessions grew. With --json one object a line.",
  options: {},
  async run(context) {
    noArguments(context);
    return staying(context, {
      remote: async (client) => {
        const stop = tell(context, client, []);
        say("An engine is running and captures already; this shows what it hears. Ctrl-C ends it.");
        await ended(context, client.closed);
        stop();
        return 0;
      },
      own: async (engine) => {
        const stop = tell(context, engine.client, engine.notices);
        say("Watching. Ctrl-C ends it.");
        engine.live();
        await ended(context, engine.stopped);
        stop();
        return 0;
      },
    });
  },
};

/** One line a session that grew, and notices that were not said before. */
function tell(context: CommandContext, client: ApiClient, said: readonly string[]): () => void {
  const known = new Set(said);
  return client.subscribe((push) => {
    if (push.topic === "status")
      for (const notice of push.status.notices.filter((one) => !known.has(one))) {
        known.add(notice);
        say(notice);
      }
    if (push.topic !== "session") return;
    client.call("session", { id: push.id }).then(
      (session) => {
        if (context.json)
          printJson({
            session: session.id,
            rev: push.rev,
            events: session.events,
            endedAt: session.endedAt,
          });
        else
          print(
            `${when(session.endedAt)}  ${session.agent}  ${session.events} events  ${oneLine(session.title ?? session.sourceId)}`,
          );
      },
      () => undefined,
    );
  });
}
