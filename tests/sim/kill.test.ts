/** A process is killed at each thing that it waits for in an exchange, in turn. */
import { expect, test } from "vitest";
import { toBase64 } from "../../src/base/bytes.ts";
import { KEYS } from "./cast.ts";
import type { SimDevice } from "./device.ts";
import { Dice } from "./dice.ts";
import { echoes } from "./echo.ts";
import { differences, lostOn, unsent } from "./oracle.ts";
import { TEXT } from "./page.ts";
import type { Fate } from "./process.ts";
import { World } from "./world.ts";

/** Both have something to send and something to hear, in several rows and parts. Says whether the process died. */
async function exchangeWith(fate: Fate): Promise<boolean> {
  const world = new World(new Dice("killed"));
  const [ada, bob] = world.devices as [SimDevice, SimDevice];
  for (const device of world.devices) device.live = false;
  const document = world.create(ada, "decision", world.anyStream());
  await world.edit(ada, document, "begun ");
  await world.calm();
  const large = toBase64(new Dice("large").bytes(110 * 1024));
  await world.settle(ada.edit(document.id, (doc) => doc.getText(TEXT).insert(0, large)));
  await world.edit(ada, world.create(ada, "notes", world.anyStream()), "of ada ");
  const page = ada.page(document.id);
  await world.settle();
  page.change((doc) => doc.getText(TEXT).delete(0, 3));
  await world.edit(bob, document, "of bob ");
  await world.once(bob);
  const before = ada.process;
  ada.doom(fate);
  await world.once(ada);
  const died = ada.process !== before;
  await world.calm();
  expect(await differences(world.devices)).toEqual([]);
  for (const device of world.devices) {
    expect(await unsent(device)).toEqual([]);
    expect(lostOn(device, [...ada.kept, ...bob.kept])).toEqual([]);
    expect(device.heard).toEqual([]);
  }
  expect(echoes(world.relay.view, KEYS, true)).toEqual([]);
  return died;
}

test.each([true, false])(
  "wherever it is killed, the next process goes on (the last call is made: %s)",
  async (made) => {
    let call = 0;
    while (await exchangeWith({ call: ++call, made }));
    expect(call).toBeGreaterThan(15);
  },
);
