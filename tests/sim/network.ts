/**
 * What lies between devices and relay. In fair weather all arrives, within some milliseconds. In bad weather messages are
 * lost, come late, twice or past one another; each such thing is counted.
 */
import type { Dice } from "./dice.ts";
import type { VirtualTime } from "./time.ts";

export const WEATHERS = ["drop", "duplicate", "delay", "reorder"] as const;
export type Weather = (typeof WEATHERS)[number];

/** Of all messages, while there is such weather. */
const SHARE = 0.2;
/** After this long a client takes its question for lost. The question may still arrive. */
export const PATIENCE_MS = 30_000;

export class Network {
  readonly weather = new Set<Weather>();
  readonly counts = new Map<Weather, number>();
  readonly #time: VirtualTime;
  readonly #dice: Dice;

  constructor(time: VirtualTime, dice: Dice) {
    this.#time = time;
    this.#dice = dice;
  }

  /** One message on its way. */
  carry(arrive: () => void): void {
    if (this.#strikes("drop")) return;
    this.#time.after(this.#delayMs(), arrive);
    if (this.#strikes("duplicate")) this.#time.after(this.#delayMs(), arrive);
  }

  #delayMs(): number {
    if (this.#strikes("delay")) return this.#dice.between(1_000, 3 * PATIENCE_MS);
    if (this.#strikes("reorder")) return this.#dice.between(1, 3_000);
    return this.#dice.between(5, 40);
  }

  #strikes(weather: Weather): boolean {
    if (!this.weather.has(weather) || !this.#dice.chance(SHARE)) return false;
    this.counts.set(weather, (this.counts.get(weather) ?? 0) + 1);
    return true;
  }
}
