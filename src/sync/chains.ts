/** Chains as this process committed them last, so that a replica's next row asks the store nothing. */
import type { Chain } from "./ports.ts";

const KEPT = 256;

export class Chains {
  readonly #chains = new Map<string, Chain>();

  /** Null: ask the store. */
  of(replica: string, doc: string): Chain | null {
    return this.#chains.get(`${replica}/${doc}`) ?? null;
  }

  clear(): void {
    this.#chains.clear();
  }

  note(chain: Chain): void {
    const key = `${chain.replica}/${chain.doc}`;
    this.#chains.delete(key);
    // Parts may be large, and are read once.
    if (chain.parts.length > 0) return;
    this.#chains.set(key, chain);
    for (const oldest of this.#chains.keys()) {
      if (this.#chains.size <= KEPT) break;
      this.#chains.delete(oldest);
    }
  }
}
