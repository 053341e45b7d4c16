/** An engine that answers from memory, for tests of what carries its words. */
import * as Y from "yjs";
import type { Bytes } from "../../src/base/bytes.ts";
import { FaultError } from "../../src/base/result.ts";
import type { Push } from "../../src/app/api.ts";
import type { PlaceHere } from "../../src/app/channel.ts";
import type { Host } from "../../src/app/host.ts";
import { createLiveDocs, type LiveDocs } from "../../src/app/livedocs.ts";
import { createSeats, type Seats } from "../../src/app/seats.ts";
import type { DocId } from "../../src/base/ids.ts";

export interface FakeHost extends Host {
  readonly docs: LiveDocs;
  /** What pages said about where they are. */
  readonly places: readonly { readonly id: string; readonly place: PlaceHere }[];
  readonly here: Seats["here"];
  /** What was appended, in order. */
  readonly log: Bytes[];
  push(push: Push): void;
  /** From now on appends fail, as on a full disk. */
  breakDisk(): void;
}

export function createFakeHost(): FakeHost {
  const listeners = new Set<(push: Push) => void>();
  const log: Bytes[] = [];
  const places: { readonly id: string; readonly place: PlaceHere }[] = [];
  let broken = false;
  const docs = createLiveDocs({
    load: async (id) =>
      id === "doc"
        ? {
            kind: "decision",
            state: Y.mergeUpdates([Y.encodeStateAsUpdate(new Y.Doc()), ...log]) as Bytes,
          }
        : null,
    async append(_id, update) {
      await Promise.resolve();
      if (broken) throw new FaultError({ type: "disk-full", message: "The disk is full." });
      log.push(update);
      return { kept: Promise.resolve() };
    },
    onChange: () => undefined,
    onLooks: () => undefined,
  });
  const seats = createSeats({
    onPlace: (id, place) => places.push({ id, place }),
    self: () => null,
  });
  return {
    docs,
    places,
    here: seats.here,
    log,
    async call(method, input, { onProgress }) {
      if (method === "fail") throw new FaultError({ type: "nope", message: "A sentence." });
      if (method === "bug") throw new Error("oops");
      if (method === "slow") onProgress({ done: 1, total: 2, what: "Working" });
      return { method, input };
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    openDocument: async (id, listener) =>
      seats.sit(id as DocId, await docs.open(id as DocId, listener), listener),
    push: (push) => listeners.forEach((listener) => listener(push)),
    breakDisk: () => void (broken = true),
  };
}
