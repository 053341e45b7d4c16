/** Who else is in which field of the document that is shown, for the fields. */
import { createContext, useContext } from "solid-js";
import type { PlaceHere } from "../../app/channel.ts";
import type { Person } from "../lib/people.ts";

export interface People {
  at(field: string): readonly Person[];
  moveTo(place: PlaceHere): void;
}

export const PeopleContext = createContext<People>({ at: () => [], moveTo: () => undefined });

export function usePeople(): People {
  return useContext(PeopleContext);
}
