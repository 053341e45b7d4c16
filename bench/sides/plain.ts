/** The floor of a catch-up: a plain download of one Yjs update for each document, decoded and applied. */
import { encodeDoc, openDoc } from "../../src/crdt/documents.ts";
import { type Amount, writeDocuments } from "../documents.ts";
import { answer, input } from "../side.ts";

const docs = writeDocuments(input<Amount>(), () => undefined);
const states = docs.map((doc) => encodeDoc(doc));

const reading = performance.now();
const copies = states.map((state) => openDoc(state));
const ms = performance.now() - reading;

for (const [i, copy] of copies.entries())
  if (copy.getText("context").toString() !== docs[i]?.getText("context").toString())
    throw new Error("a copy differs");
answer({ ms, bytes: states.reduce((sum, state) => sum + state.length, 0) });
