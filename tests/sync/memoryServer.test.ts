import { createDevice } from "../../src/crypto/device.ts";
import { seededRandom } from "../crypto/samples.ts";
import { PROJECT_STREAM, TEAM_STREAM, TestTeam } from "./team.ts";
import { transportContract } from "./transportContract.ts";

transportContract("memory", async () => {
  const { founding, server, keys } = new TestTeam();
  const devices = [createDevice(seededRandom("one")), createDevice(seededRandom("two"))] as const;
  for (const device of devices) founding.admit(device, device.id);
  const transports = [server.connect(), server.connect()] as const;
  return {
    keys,
    devices,
    transports,
    streams: [TEAM_STREAM, PROJECT_STREAM],
    close: async () => {},
  };
});
