/** Without a lie the scripted relay is a server like any other. */
import { transportContract } from "../sync/transportContract.ts";
import { DAWN_MS, identityOf, KEYS, logOf, STREAMS } from "./cast.ts";
import { Dice } from "./dice.ts";
import { Link } from "./link.ts";
import { Network } from "./network.ts";
import { Relay } from "./relay.ts";
import { VirtualTime } from "./time.ts";

transportContract("simulated relay", async () => {
  const time = new VirtualTime();
  const log = logOf(2);
  log.nowMs = () => DAWN_MS;
  const relay = new Relay(500, log);
  const network = new Network(time, new Dice("fair weather"));
  const names = ["ada", "bob"] as const;
  const link = (who: string) =>
    new Link({ who, relay, network, time, outside: (work) => work() }, true);
  let open = true;
  const passing = (async () => {
    while (open) await time.run(10_000);
  })();
  return {
    keys: KEYS,
    devices: [identityOf(names[0]), identityOf(names[1])],
    transports: [link(names[0]), link(names[1])],
    streams: [STREAMS[0], STREAMS[1]],
    close: async () => {
      open = false;
      await passing;
    },
  };
});
