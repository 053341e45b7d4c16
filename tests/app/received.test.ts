/** What comes from teammates and is not as it should be stops nothing else. */
import { expect, test } from "vitest";
import * as Y from "yjs";
import { createDecisions } from "../../src/app/decisions.ts";
import { createLiveDocs } from "../../src/app/livedocs.ts";
import { createTraces } from "../../src/app/traces.ts";
import type { Bytes } from "../../src/base/bytes.ts";
import type { DocId, SessionId, TeamId } from "../../src/base/ids.ts";
import type { DocKind } from "../../src/crdt/documents.ts";
import { EMPTY_KNOWN } from "../../src/crdt/known.ts";
import type { Store } from "../../src/store/store.ts";
import { seededRandom } from "../crypto/samples.ts";
import { clock, openTestStore } from "../store/help.ts";

const team = "team_01KABCDEFGHJKMNPQRSTVWXYZ0" as TeamId;
const DAMAGED = new Uint8Array([9, 9, 9]) as Bytes;
const random = seededRandom("received");

let rows = 0;

/** As if it had come from the cloud. */
async function pulled(store: Store, id: string, kind: DocKind, update: Bytes): Promise<void> {
  await store.sync.commit({
    stream: { team, project: null },
    places: [{ n: ++rows, h: new Uint8Array(32) as Bytes }],
    documents: [
      { id: id as DocId, kind, updates: [update], known: EMPTY_KNOWN, retired: false, owner: "ab" },
    ],
    chains: [],
    unapplied: [],
  });
}

function session(n: number): SessionId {
  return `ses_0000000000000000000000000${n}` as SessionId;
}

const traceOf = (id: SessionId) => `${id}.00000000000000000000000001`;

test("a damaged trace keeps no other from being shown, and an owner who could not be asked is asked again", async () => {
  const store = await openTestStore();
  const doc = new Y.Doc();
  doc.getMap("meta").set("agent", "codex");
  await pulled(store, traceOf(session(1)), "trace", DAMAGED);
  await pulled(store, traceOf(session(2)), "trace", Y.encodeStateAsUpdate(doc) as Bytes);
  const logged: unknown[] = [];
  let owner: string | null = null;
  const traces = createTraces({
    store,
    clock,
    random,
    log: (_level, _event, fields) => logged.push(fields?.["id"]),
    onGrown: () => undefined,
    onSessions: () => undefined,
    projectAt: async () => null,
    memberAt: async () => owner,
    account: () => null,
    isHere: () => false,
  });
  await traces.receiveAll();
  expect(logged).toEqual([traceOf(session(1))]);
  expect((await store.views.session(session(2))).owner).toBe("a teammate");
  owner = "ada@example.org";
  await traces.receiveAll();
  expect((await store.views.session(session(2))).owner).toBe(owner);
});

test("a damaged decision is left out of the list and the index", async () => {
  const store = await openTestStore();
  const logged: unknown[] = [];
  const decisions = createDecisions({
    store,
    docs: createLiveDocs({
      load: (id) => store.documents.load(id),
      append: (id, update) => store.documents.append(id, [update]),
      onChange: () => undefined,
      onLooks: () => undefined,
    }),
    clock,
    random,
    log: (_level, _event, fields) => logged.push(fields?.["id"]),
    onCreated: () => undefined,
  });
  await decisions.create({ title: "Keep it" }, null);
  await pulled(store, "dec_00000000000000000000000001", "decision", DAMAGED);
  expect((await decisions.list()).map(({ title }) => title)).toEqual(["Keep it"]);
  await decisions.indexAll();
  expect(logged).toEqual(["dec_00000000000000000000000001", "dec_00000000000000000000000001"]);
  await store.search.catchUp();
  expect((await store.search.search("keep", 5)).hits).toHaveLength(1);
});
