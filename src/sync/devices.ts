/** The team's devices, by the cards that only holders of the epoch key can have made. */
import { ok, type Result } from "../base/result.ts";
import { type DeviceCard, openCard } from "../crypto/card.ts";
import type { TeamKeys } from "../crypto/team.ts";
import type { Transport } from "./transport.ts";

export class Devices {
  readonly #keys: TeamKeys;
  readonly #transport: Transport;
  #cards: ReadonlyMap<string, DeviceCard> = new Map();

  constructor(keys: TeamKeys, transport: Transport) {
    this.#keys = keys;
    this.#transport = transport;
  }

  get cards(): ReadonlyMap<string, DeviceCard> {
    return this.#cards;
  }

  /** Asks the server again when one of `devices` is not known here: a card is listed before its device's first row. */
  async ensure(devices: Iterable<string>): Promise<Result<void>> {
    if (Array.from(devices).every((device) => this.#cards.has(device))) return ok(undefined);
    const listed = await this.#transport.devices(this.#keys.team);
    if (!listed.ok) return listed;
    const cards = new Map(this.#cards);
    for (const { device, card } of listed.value) {
      const opened = openCard(card, device, this.#keys);
      if (opened.ok) cards.set(device, opened.value);
    }
    this.#cards = cards;
    return ok(undefined);
  }
}
