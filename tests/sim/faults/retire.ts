/** Documents are let go that nobody entitled has taken back. */
import { deviceAuthor } from "../../../src/crypto/log/author.ts";
import type { Body } from "../../../src/crypto/log/body.ts";
import { wireDocumentId } from "../../../src/crypto/team.ts";
import { memberOf } from "../../sync/memoryLog.ts";
import { identityOf, KEYS, MALLORY, TEAM } from "../cast.ts";
import { entryOf, list } from "../entries.ts";
import { believed } from "../oracle.ts";
import { allOnce, allSync, fresh, type Inject, two, write } from "./fault.ts";

/** A member takes back what others have shared: in a list, or all that another member has. */
export const falseRetire: Inject = async (world, dice) => {
  if (!(await allSync(world))) return null;
  const [author, other] = two(world, dice);
  const document = await fresh(world, dice, author);
  const scopes = [
    { what: "documents", documents: [wireDocumentId(KEYS, document.id)] },
    { what: "member", member: memberOf(author.name), fences: [] },
  ] as const;
  const bodies = scopes.map((scope): Body => ({ kind: "retire", why: "unshared", scope }));
  for (const body of dice.shuffled(bodies))
    list(world, [entryOf(world, deviceAuthor(identityOf(MALLORY)), body)]);
  await allOnce(world);
  await write(world, other, document, "not taken back ");
  await allOnce(world);
  const documents = await Promise.all(world.devices.map(({ store }) => store.documentsOf(TEAM)));
  const kept = documents.every((held) =>
    held.some(({ id, retired }) => id === document.id && !retired),
  );
  const states = await Promise.all(world.devices.map(believed));
  const ofOthers = states.some(({ retired }) =>
    retired.some(({ scope }) => scope.what === "member"),
  );
  return { alarms: [], misled: [], clean: () => kept && !ofOthers };
};
