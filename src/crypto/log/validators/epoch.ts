/** A new key of the team: the next one, by who may, for exactly those who are there. */
import { newestEpoch } from "../state.ts";
import { deny, leads, standing, type Validator } from "./case.ts";

export const epochIsNext: Validator = ({ state, entry: { body } }) => {
  if (body.kind !== "epoch") return null;
  const newest = newestEpoch(state)?.number ?? 0;
  const { epoch, former } = body;
  return epoch === newest + 1 && former <= newest && (former === 0) === (newest === 0)
    ? null
    : deny("log-epoch", "its epoch is not the next one");
};

/**
 * An epoch whose key nobody was given would stop the team: who leads it can go on from the one before. Others cannot, or
 * they could hide a good key from those who come later.
 */
export const maySkipEpochs: Validator = ({ state, author, entry: { body } }) =>
  body.kind !== "epoch" ||
  author === null ||
  leads(author) ||
  body.former === (newestEpoch(state)?.number ?? 0)
    ? null
    : deny("log-rights", "only owners and admins leave an epoch's key behind");

/** After a removal everybody who remains: the team does not wait for somebody who leads it. */
export const mayMakeEpoch: Validator = ({ state, author, entry: { body } }) =>
  body.kind !== "epoch" || author === null || leads(author) || state.rotationDue
    ? null
    : deny("log-rights", "only owners and admins make an epoch while nobody was removed");

export const epochReachesExactlyAll: Validator = (judged) => {
  const { body } = judged.entry;
  if (body.kind !== "epoch") return null;
  const listed = new Set(body.recipients);
  const due = standing(judged);
  return due.length === listed.size && due.every(([id]) => listed.has(id))
    ? null
    : deny("log-epoch", "its key is not for exactly the devices that are in the team");
};
