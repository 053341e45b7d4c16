/** The team's devices, by the cards that only holders of the epoch key can have made. */
import type { Bytes } from "../base/bytes.ts";
import { ok, type Result } from "../base/result.ts";
import { type DeviceCard, openCard } from "../crypto/card.ts";
import type { DeviceIdentity } from "../crypto/device.ts";
import { peekHeader } from "../crypto/header.ts";
import type { TeamKeys } from "../crypto/team.ts";
import type { Transport } from "./transport.ts";

export class Devices {
  readonly #own: DeviceIdentity;
  readonly #keys: TeamKeys;
  readonly #transport: Transport;
  #cards: ReadonlyMap<string, DeviceCard> = new Map();

  constructor(own: DeviceIdentity, keys: TeamKeys, transport: Transport) {
    this.#own = own;
    this.#keys = keys;
    this.#transport = transport;
  }

  /** As far as the server was asked: see `refresh`. */
  get cards(): ReadonlyMap<string, DeviceCard> {
    return this.#cards;
  }

  signKeyOf(device: string): Bytes | null {
    return device === this.#own.id ? this.#own.signKey : (this.#cards.get(device)?.signKey ?? null);
  }

  /** For a sentence. */
  nameOf(device: string): string {
    const card = this.#cards.get(device);
    if (device === this.#own.id) return "this device";
    return card ? `${card.name} (${card.email})` : "an unknown device";
  }

  /** Asks the server when a row names a device not known here: a card is listed before its device's first row. */
  async ensureAuthors(rows: readonly Uint8Array[]): Promise<Result<void>> {
    const headers = rows.map(peekHeader);
    const known = headers.every(
      (header) => !header.ok || this.signKeyOf(header.value.device) !== null,
    );
    return known ? ok(undefined) : this.refresh();
  }

  /** A card that does not open is left out, so its device's rows are refused. */
  async refresh(): Promise<Result<void>> {
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
