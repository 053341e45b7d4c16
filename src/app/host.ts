/** What an engine is to those who carry its words: transports know this, and nothing of the engine. */
import type { Bytes } from "../base/bytes.ts";
import type { HereRow, Progress, Push } from "./api.ts";
import type { PlaceHere } from "./channel.ts";

export interface Host {
  /** Rejects with `FaultError` for what a person can do something about. */
  call(
    method: string,
    input: unknown,
    context: { local: boolean; onProgress(progress: Progress): void },
  ): Promise<unknown>;
  subscribe(listener: (push: Push) => void): () => void;
  /** Throws `FaultError` when there is no such document or it cannot be written. */
  openDocument(id: string, listener: SharedListener): Promise<SharedDocument>;
}

export interface DocumentListener {
  /** An update of somebody else, kept already. */
  onUpdate(update: Bytes): void;
  /** The document is closed: it could not be kept. */
  onFault(error: Error): void;
}

export interface SharedListener extends DocumentListener {
  /** Who else has it open from now on: everybody, each time. */
  onHere(here: readonly HereRow[]): void;
}

export interface OpenDocument {
  /** What the asker lacks, as one update. Throws on bytes that are no state vector. */
  beyond(vector: Uint8Array): Bytes;
  vector(): Bytes;
  /** Resolves once the update survives a crash. Rejects with `FaultError` when it cannot be applied or kept. */
  apply(update: Uint8Array): Promise<void>;
  close(): void;
}

export interface SharedDocument extends OpenDocument {
  /** Where in it the person is: told to others who have it open. */
  moveTo(place: PlaceHere): void;
}
