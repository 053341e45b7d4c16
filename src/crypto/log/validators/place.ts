/** Is it the next entry of this team's log? */
import { equalBytes } from "../../../base/bytes.ts";
import { teamTag } from "../../header.ts";
import { deny, type Validator } from "./case.ts";

export const ofThisTeam: Validator = ({ state, entry }) =>
  entry.team === teamTag(state.team) ? null : deny("log-place", "it was written for another team");

export const hasNextNumber: Validator = ({ state, entry }) =>
  entry.n === state.head.n + 1
    ? null
    : deny("log-place", `its number is not ${state.head.n + 1}, the next one`);

export const continuesHead: Validator = ({ state, entry }) =>
  equalBytes(entry.previous, state.head.hash)
    ? null
    : deny("log-place", "it does not name the entry before it: it continues another history");
