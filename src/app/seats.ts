/**
 * Who else has a document open, for windows that have it open here, and where the newest move was made here, for them. All of
 * it is in memory.
 */
import { toBase64 } from "../base/bytes.ts";
import type { DocId } from "../base/ids.ts";
import type { Here } from "../sync/looks.ts";
import type { Place } from "../sync/presence.ts";
import type { HereRow } from "./api.ts";
import type { OpenDocument, SharedDocument, SharedListener } from "./host.ts";

export interface Seats {
  /** One window at a document that it has opened. */
  sit(id: DocId, opened: OpenDocument, listener: SharedListener): SharedDocument;
  /** Who else is there from now on; who moved last first. */
  here(id: DocId, devices: readonly Here[]): void;
  places(): ReadonlyMap<DocId, Place>;
}

export interface SeatsOptions {
  readonly onPlace: (id: DocId, place: Place) => void;
  /** The member here, as a team's log names it. */
  readonly self: () => string | null;
}

interface Seat {
  readonly id: DocId;
  readonly listener: SharedListener;
  place: Place;
}

const NOWHERE: Place = { field: null, caret: null };

export function createSeats({ onPlace, self }: SeatsOptions): Seats {
  /** Who moved last is last. */
  const seats = new Set<Seat>();
  const present = new Map<DocId, readonly HereRow[]>();

  const placeAt = (id: DocId): Place =>
    [...seats].findLast((seat) => seat.id === id)?.place ?? NOWHERE;

  return {
    sit(id, opened, listener) {
      const seat: Seat = { id, listener, place: NOWHERE };
      seats.add(seat);
      const here = present.get(id);
      if (here !== undefined) listener.onHere(here);
      return {
        ...opened,
        moveTo(place) {
          if (!seats.delete(seat)) return;
          seats.add(Object.assign(seat, { place }));
          onPlace(id, place);
        },
        close() {
          if (seats.delete(seat)) onPlace(id, placeAt(id));
          opened.close();
        },
      };
    },
    here(id, devices) {
      const rows = rowsOf(devices, self());
      if (rows.length > 0) present.set(id, rows);
      else present.delete(id);
      for (const seat of seats) if (seat.id === id) seat.listener.onHere(rows);
    },
    places: () => new Map([...seats].map(({ id, place }) => [id, place])),
  };
}

function rowsOf(devices: readonly Here[], self: string | null): readonly HereRow[] {
  return [...Map.groupBy(devices, ({ member }) => member)].map(([member, theirs]) => {
    const { person, field, caret } = theirs[0] as Here;
    return {
      member,
      email: person?.email ?? "",
      you: member === self,
      devices: new Set(theirs.map(({ device }) => device)).size,
      field,
      caret: caret && { anchor: toBase64(caret.anchor), head: toBase64(caret.head) },
    };
  });
}
