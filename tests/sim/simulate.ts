/** One run: an ordinary day with mishaps and weather, a lie, another day with it, and the judgement. */
import { createHash } from "node:crypto";
import { kindOf } from "./alarms.ts";
import { LATE, TEAM } from "./cast.ts";
import type { SimDevice } from "./device.ts";
import { Dice } from "./dice.ts";
import { echoes } from "./echo.ts";
import type { Injected } from "./faults/fault.ts";
import { LIES } from "./faults/lies.ts";
import { live, settleIn } from "./life.ts";
import { HONEST_ONLY, MISHAPS } from "./mishaps.ts";
import { type Weather, WEATHERS } from "./network.ts";
import { differences, isAstray, lostOn, teamFindings, unsent } from "./oracle.ts";
import {
  contentOf,
  letGo,
  retireFindings,
  sentAnyway,
  takenAway,
  takenBackIn,
  unsaid,
} from "./takenBack.ts";
import { World } from "./world.ts";

type LieName = keyof typeof LIES;
type MishapName = keyof typeof MISHAPS;
export type FaultName = LieName | MishapName | Weather;
export type Outcome = "harmless" | "alarmed" | "missed";

export const FAULTS: readonly FaultName[] = [
  ...WEATHERS,
  ...(Object.keys(MISHAPS) as MishapName[]),
  ...(Object.keys(LIES) as LieName[]),
];

export interface RunResult {
  /** All that had to become equal did, with nothing pending and no echo. */
  readonly converged: boolean;
  readonly faults: Readonly<Partial<Record<FaultName, Outcome>>>;
  readonly lostEdits: number;
  /** What was wrong, in sentences. */
  readonly findings: readonly string[];
  /** A hash of all that happened: the same for the same seed. */
  readonly course: string;
}

/** `only`: no other faults than these. */
export async function simulate(seed: string, only: ReadonlySet<string> | null): Promise<RunResult> {
  const run = new Run(new Dice(seed), only);
  const stray = (error: unknown) => run.stray(error);
  process.on("unhandledRejection", stray);
  try {
    return await run.play();
  } catch (error) {
    return run.broken(error);
  } finally {
    process.off("unhandledRejection", stray);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

const DAY_MS = 20_000;

class Run {
  readonly #dice: Dice;
  readonly #world: World;
  readonly #weather: readonly Weather[];
  readonly #mishaps: readonly MishapName[];
  readonly #lieName: LieName | null;
  readonly #struck = new Set<FaultName>();
  #lie: Injected | null = null;
  #lost = 0;
  readonly #findings: string[] = [];

  constructor(dice: Dice, only: ReadonlySet<string> | null) {
    this.#dice = dice;
    this.#world = new World(dice.fork("world"));
    const wanted = (name: string) => only === null || only.has(name);
    const lies = (Object.keys(LIES) as LieName[]).filter(wanted);
    this.#lieName = lies.length > 0 && dice.chance(only ? 1 : 0.7) ? dice.pick(lies) : null;
    const rate = only ? 1 : this.#lieName ? 0.12 : 0.35;
    this.#weather = WEATHERS.filter((name) => wanted(name) && dice.chance(rate));
    this.#mishaps = (Object.keys(MISHAPS) as MishapName[]).filter(
      (name) =>
        wanted(name) &&
        dice.chance(name === "large-import" ? rate / 4 : rate) &&
        (!this.#lieName || !HONEST_ONLY.has(name)),
    );
  }

  async play(): Promise<RunResult> {
    const world = this.#world;
    for (const device of world.devices) device.start();
    settleIn(world, this.#dice.fork("first"));
    await world.settle();
    await this.#day("before");
    await world.calm();
    if (this.#lieName) {
      this.#expectNoAlarm("before the lie");
      this.#lie = await LIES[this.#lieName](world, this.#dice.fork("lie"));
      if (this.#lie) this.#struck.add(this.#lieName);
    }
    await this.#day("after");
    if (!this.#lie && this.#dice.chance(0.5)) await this.#expectLiveIsEnough();
    this.#lie?.end?.();
    await this.#quieten();
    return this.#judge();
  }

  /** A failure that nobody waited for would end a process of the product. */
  stray(error: unknown): void {
    this.#findings.push(`not handled: ${reasonOf(error)}`);
  }

  broken(error: unknown): RunResult {
    this.#findings.push(`broken: ${reasonOf(error)}`);
    if (this.#lieName) this.#struck.add(this.#lieName);
    return this.#result(false, "missed");
  }

  async #day(name: string): Promise<void> {
    const dice = this.#dice.fork(name);
    const world = this.#world;
    for (const weather of this.#weather) world.network.weather.add(weather);
    for (const mishap of this.#mishaps)
      MISHAPS[mishap](world, dice, DAY_MS, () => this.#struck.add(mishap));
    const deeds = name === "after" && dice.chance(0.3) ? 0 : dice.between(5, 25);
    live(world, dice, deeds, DAY_MS);
    await world.settle();
    for (const weather of world.network.counts.keys()) this.#struck.add(weather);
  }

  /** With everybody connected nobody has to ask for anything. */
  async #expectLiveIsEnough(): Promise<void> {
    await this.#world.heal();
    await this.#setAClock();
    const devices = this.#world.remaining;
    for (const device of devices) {
      device.goLive(true);
      device.start().sync.poke();
    }
    await this.#world.settle();
    for (const device of devices) this.#findings.push(...(await unsent(device)));
    const found = await differences(devices);
    this.#findings.push(...found.map((sentence) => `live, ${sentence}`));
  }

  /** Everybody syncs until nothing is new to anybody. */
  async #quieten(): Promise<void> {
    const world = this.#world;
    await world.calm();
    await this.#setAClock();
    const { relay } = world;
    for (let round = 0; round < 8; round++) {
      // What is said of snapshots is in no report.
      const before = relay.rowCount;
      let moved = false;
      for (const device of world.devices) {
        const report = await world.once(device);
        moved ||= report !== null && report.pushed + report.pulled > 0;
      }
      if (!moved && relay.rowCount === before) return;
    }
    this.#findings.push("it does not become quiet");
  }

  /**
   * If a new key is due and no clock is right, somebody sets one: nobody takes what a wrong one signs. So does whoever has taken
   * something back.
   */
  async #setAClock(): Promise<void> {
    const world = this.#world;
    for (const device of world.remaining)
      if (device.clockOffMs !== 0 && (await unsaid(device))) {
        device.clockOffMs = 0;
        await world.restart(device);
        await world.once(device);
      }
    const [first, ...others] = world.remaining;
    if (!first || !world.relay.view.team.state.rotationDue) return;
    if ([first, ...others].some(({ clockOffMs }) => clockOffMs === 0)) return;
    first.clockOffMs = 0;
    await world.restart(first);
    await world.once(first);
  }

  async #judge(): Promise<RunResult> {
    const honest = await this.#honest();
    for (const device of this.#world.devices) {
      const gone = await takenAway(device);
      this.#countLost(
        device,
        device.kept.filter(({ doc }) => !gone.has(doc)),
      );
    }
    if (honest.length > 0 && this.#world.relay.view.team.state.rotationDue)
      this.#findings.push("a removal was left without a new key");
    await this.#expectNoEcho(honest);
    await this.#expectEqual(honest);
    await this.#expectLetGo(honest);
    this.#expectNoBugs();
    if (!this.#lie) {
      this.#expectNoAlarm("though nobody lied");
      this.#expectRemovedKnow();
      const { view } = this.#world.relay;
      const [first] = honest;
      if (first)
        this.#findings.push(...echoes(view, first.keychain.keys, this.#weather.length === 0));
    }
    const converged = this.#findings.length === 0;
    return this.#result(converged, await this.#outcome());
  }

  /** Those who have to be up to date. */
  async #honest(): Promise<readonly SimDevice[]> {
    const { remaining: devices, relay } = this.#world;
    const lie = this.#lie;
    if (!lie) return devices;
    const astray = await Promise.all(devices.map((device) => isAstray(device, relay.view)));
    return devices.filter((device, i) => !lie.misled.includes(device) && !astray[i]);
  }

  async #expectEqual(honest: readonly SimDevice[]): Promise<void> {
    const everybody = honest.length === this.#world.remaining.length;
    const devices = everybody && honest.length > 0 ? [...honest, await this.#late()] : honest;
    for (const device of honest) {
      this.#findings.push(...(await unsent(device)));
      for (const other of devices)
        if (other !== device) this.#countLost(other, await this.#shared(device));
    }
    this.#findings.push(...(await this.#differences(devices)));
    this.#findings.push(...(await teamFindings(devices, this.#world.relay.view)));
  }

  /** One who comes last, and has only what the server shows. */
  async #late(): Promise<SimDevice> {
    const late = this.#world.join(LATE);
    await this.#world.once(late);
    const report = await this.#world.once(late);
    if (report?.pushed !== 0) this.#findings.push("a reader pushed");
    return late;
  }

  async #shared(device: SimDevice): Promise<SimDevice["kept"]> {
    const streams = new Map(this.#world.documents.map(({ id, stream }) => [id, stream]));
    const gone = await letGo(device);
    return device.kept.filter(({ doc }) => streams.get(doc) !== null && !gone.has(doc));
  }

  async #expectLetGo(honest: readonly SimDevice[]): Promise<void> {
    const world = this.#world;
    const takenBack = takenBackIn(world.documents, world.relay.view);
    this.#findings.push(...(await retireFindings(honest, takenBack)));
    if (takenBack.size === 0) return;
    if (honest.length === world.remaining.length)
      this.#findings.push(...contentOf(await this.#late(), takenBack));
    this.#findings.push(...(await sentAnyway(world, honest, takenBack)));
  }

  async #differences(devices: readonly SimDevice[]): Promise<readonly string[]> {
    const ignored = this.#lie?.ignored ?? [];
    const found = await differences(devices);
    return found.filter((sentence) => !ignored.some((id) => sentence.startsWith(`${id} `)));
  }

  #countLost(device: SimDevice, edits: SimDevice["kept"]): void {
    const lost = lostOn(device, edits);
    this.#lost += lost.length;
    for (const { doc } of lost) this.#findings.push(`${device.name} lacks an edit of ${doc}`);
  }

  /**
   * New processes of devices that are up to date have nothing to say. Their windows are closed first: one that was shown
   * what never got a place in the stream brings it along.
   */
  async #expectNoEcho(honest: readonly SimDevice[]): Promise<void> {
    const { relay } = this.#world;
    for (const device of honest) {
      for (const id of [...device.pages.keys()]) device.closePage(id);
      const before = relay.offeredBy(device.name);
      await this.#world.restart(device);
      await this.#world.once(device);
      const echo = relay.offeredBy(device.name) - before;
      if (echo > 0) this.#findings.push(`${device.name} sent ${echo} rows again`);
    }
  }

  #expectNoBugs(): void {
    for (const { name, bugs } of this.#world.devices)
      for (const bug of bugs) this.#findings.push(`${name} failed by itself: ${bug}`);
  }

  #expectNoAlarm(when: string): void {
    const { devices, remaining } = this.#world;
    for (const device of devices)
      for (const sentence of device.heard)
        if (remaining.includes(device) || kindOf(sentence) !== "removed")
          this.#findings.push(`${device.name} heard ${when}: ${sentence}`);
  }

  /** What they had not sent stays with them, and they are told why. */
  #expectRemovedKnow(): void {
    const { devices, remaining } = this.#world;
    for (const { name, heard } of devices.filter((device) => !remaining.includes(device)))
      if (!heard.some((sentence) => kindOf(sentence) === "removed"))
        this.#findings.push(`${name} was removed and does not say so`);
  }

  async #outcome(): Promise<Outcome> {
    const lie = this.#lie;
    if (!lie) return "harmless";
    const { remaining } = this.#world;
    const heard = new Set(remaining.flatMap((device) => device.heard.map(kindOf)));
    const wrong = [...heard].filter((kind) => !lie.alarms.includes(kind));
    for (const kind of wrong) this.#findings.push(`an alarm of another kind was heard: ${kind}`);
    const clean = lie.clean?.() ?? true;
    if (!clean) this.#findings.push("something false was taken");
    if (wrong.length > 0 || !clean) return "missed";
    if (heard.size > 0 || (lie.mustAlarm && lie.alarms.length === 0)) return "alarmed";
    if (lie.mustAlarm) {
      this.#findings.push("nobody heard an alarm");
      return "missed";
    }
    const apart = (await this.#honest()).length < remaining.length;
    const all = apart ? [...remaining, await this.#late()] : [];
    const found = await this.#differences(all);
    this.#findings.push(...found.map((sentence) => `unnoticed: ${sentence}`));
    return found.length === 0 ? "harmless" : "missed";
  }

  #result(converged: boolean, outcome: Outcome): RunResult {
    const faults = [...this.#struck].map((name) => {
      const own = name === this.#lieName ? outcome : "harmless";
      return [name, converged ? own : "missed"] as const;
    });
    return {
      converged,
      faults: Object.fromEntries(faults),
      lostEdits: this.#lost,
      findings: this.#findings,
      course: this.#course(),
    };
  }

  #course(): string {
    const { time, relay, devices } = this.#world;
    const hash = createHash("sha256").update(`${time.nowMs} ${time.happened}`);
    for (const log of relay.view.logsOf(TEAM)) hash.update(log.head.h);
    for (const { name, heard } of devices)
      hash.update(JSON.stringify([name, heard, relay.offeredBy(name)]));
    return hash.digest("hex");
  }
}
