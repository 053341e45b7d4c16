import { sealCard } from "../../src/crypto/card.ts";
import { createDevice } from "../../src/crypto/device.ts";
import { createTeamKeys } from "../../src/crypto/team.ts";
import { seededRandom } from "../crypto/samples.ts";
import { MemoryServer } from "./memoryServer.ts";
import { PROJECT_STREAM, TEAM, TEAM_STREAM } from "./team.ts";
import { transportContract } from "./transportContract.ts";

transportContract("memory", async () => {
  const server = new MemoryServer();
  const keys = createTeamKeys(TEAM, seededRandom("team"));
  const devices = [createDevice(seededRandom("one")), createDevice(seededRandom("two"))] as const;
  for (const device of devices) {
    const card = sealCard(
      device,
      { name: "n", email: "e@example.org" },
      keys,
      seededRandom("card"),
    );
    server.devices.push({ device: device.id, card });
  }
  const transports = [server.connect(), server.connect()] as const;
  return {
    keys,
    devices,
    transports,
    streams: [TEAM_STREAM, PROJECT_STREAM],
    close: async () => {},
  };
});
