/** What people and machines do on an ordinary day: type, undo, import, open and close, go offline, sync. */
import type { DocId } from "../../src/base/ids.ts";
import { toBase64 } from "../../src/base/bytes.ts";
import type * as Y from "yjs";
import { RESTART_MS, type SimDevice } from "./device.ts";
import type { Dice } from "./dice.ts";
import { FIELDS, TEXT } from "./page.ts";
import type { SimDocument, World } from "./world.ts";

type Deed = (world: World, device: SimDevice, dice: Dice) => void;

const WEIGHTED: readonly (readonly [number, Deed])[] = [
  [30, type],
  [6, undo],
  [8, command],
  [12, sync],
  [5, goLiveOrStop],
  [5, goOffline],
  [4, begin],
  [5, closeWindow],
  [5, importSession],
  [4, restart],
];
const DEEDS = WEIGHTED.flatMap(([weight, deed]) => Array.from({ length: weight }, () => deed));

/** Some things by some devices, within `ms`. Returns at once: the world has to settle. */
export function live(world: World, dice: Dice, deeds: number, ms: number): void {
  for (let i = 0; i < deeds; i++) {
    const device = dice.pick(world.devices);
    const deed = dice.pick(DEEDS);
    world.time.after(dice.below(ms), () => {
      if (device.awake) deed(world, device, dice);
    });
  }
}

/** The team's first documents. */
export function settleIn(world: World, dice: Dice): void {
  for (let i = dice.between(1, 3); i > 0; i--) begin(world, dice.pick(world.devices), dice);
}

/** A change that is cut into parts. False: there is nothing to write it into. */
export function importMuch(world: World, device: SimDevice, dice: Dice): boolean {
  const document = pickWritable(world, device, dice);
  if (!document) return false;
  const text = toBase64(dice.bytes(dice.between(110, 220) * 1024));
  quietly(device.edit(document.id, (doc) => doc.getText(TEXT).insert(0, text)));
  return true;
}

function type(world: World, device: SimDevice, dice: Dice): void {
  const document = pickWritable(world, device, dice);
  if (!document) return;
  const page = device.page(document.id);
  // A few letters in a row.
  for (let i = dice.between(1, 3); i > 0; i--) page.change((doc) => changeSomething(doc, dice));
}

function undo(_world: World, device: SimDevice, dice: Dice): void {
  const pages = [...device.pages.values()];
  if (pages.length === 0) return;
  const page = dice.pick(pages);
  if (dice.chance(0.7)) page.undo();
  else page.redo();
}

function command(world: World, device: SimDevice, dice: Dice): void {
  const document = pickWritable(world, device, dice);
  if (document) quietly(device.edit(document.id, (doc) => changeSomething(doc, dice)));
}

function sync(_world: World, device: SimDevice): void {
  quietly(device.start().sync.once());
}

function goLiveOrStop(_world: World, device: SimDevice): void {
  device.goLive(!device.live);
}

function goOffline(world: World, device: SimDevice, dice: Dice): void {
  device.online = false;
  world.time.after(dice.between(100, 200_000), () => {
    if (device.awake) device.online = true;
  });
}

function begin(world: World, device: SimDevice, dice: Dice): void {
  const kind = dice.pick(["decision", "decision", "notes", "project"] as const);
  const { id } = world.create(device, kind, world.anyStream());
  quietly(device.edit(id, (doc) => doc.getText(TEXT).insert(0, "base")));
}

function closeWindow(_world: World, device: SimDevice, dice: Dice): void {
  if (device.pages.size > 0) device.closePage(dice.pick<DocId>([...device.pages.keys()]));
}

/** The machine is started again: a new process looks at each stream anew. */
function restart(world: World, device: SimDevice): void {
  device.kill();
  world.time.after(RESTART_MS, () => {
    if (device.awake) device.start();
  });
}

/** A session's trace grows, on the device that recorded it. */
function importSession(world: World, device: SimDevice, dice: Dice): void {
  const traces = world.documents.filter(({ kind, maker }) => kind === "trace" && maker === device);
  const trace = traces.length > 0 && dice.chance(0.8) ? dice.pick(traces) : null;
  const { id } = trace ?? world.create(device, "trace", world.anyStream());
  quietly(
    device.edit(id, (doc) => {
      for (let i = dice.between(1, 20); i > 0; i--)
        doc.getMap("events").set(`evt_${dice.below(500)}`, { kind: "tool", order: dice.below(99) });
    }),
  );
}

function changeSomething(doc: Y.Doc, dice: Dice): void {
  const text = doc.getText(TEXT);
  const at = dice.below(text.length + 1);
  switch (dice.below(6)) {
    case 0:
    case 1:
      return text.delete(at, Math.min(dice.between(1, 6), text.length - at));
    case 2:
      return void doc.getMap(FIELDS).set(`fact${dice.below(3)}`, dice.below(100));
    case 3:
      return doc.getMap(FIELDS).delete(`fact${dice.below(3)}`);
    default:
      return text.insert(at, dice.pick(["a", "be", "sea ", "deep ", "\n", "🌊"]));
  }
}

/** A document that is here and that people type in. */
function pickWritable(world: World, device: SimDevice, dice: Dice): SimDocument | null {
  const here = world.documents.filter(({ id, kind }) => kind !== "trace" && device.store.has(id));
  return here.length === 0 ? null : dice.pick(here);
}

/** What fails here is told by states, or is the process's end. */
function quietly(done: Promise<unknown>): void {
  done.catch(() => {});
}
