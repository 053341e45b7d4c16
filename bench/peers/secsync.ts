/**
 * 10,000 one-character edits through secsync's own primitives: sealed and signed by one device, checked, opened and
 * applied by another that has nothing. A batch is what its sync machine makes of it: the Yjs updates of that time as one
 * sealed update. Bytes are those of the JSON it sends.
 */
import { createRequire } from "node:module";
import * as Y from "yjs";
import { answer, input } from "../side.ts";
import { typedText } from "../typing.ts";

// Its libsodium's module build names a file that is not in the package; the CommonJS build works.
const require = createRequire(import.meta.url);
const sodium = require("libsodium-wrappers");
const {
  createSignatureKeyPair,
  createUpdate,
  deserializeUint8ArrayUpdates,
  generateId,
  parseUpdate,
  serializeUint8ArrayUpdates,
  verifyAndDecryptUpdate,
} = require("secsync");

await sodium.ready;
const { edits, batch } = input<{ edits: number; batch: number }>();
const key = sodium.crypto_aead_xchacha20poly1305_ietf_keygen();
const author = createSignatureKeyPair(sodium);
const publicData = {
  docId: generateId(sodium),
  pubKey: sodium.to_base64(author.publicKey),
  refSnapshotId: generateId(sodium),
};

const doc = new Y.Doc();
const updates: Uint8Array[] = [];
doc.on("update", (update: Uint8Array) => updates.push(update));
const text = typedText(edits);
for (let i = 0; i < edits; i++) doc.getText("text").insert(i, text[i] as string);

const sealing = performance.now();
const sent: string[] = [];
for (let at = 0, clock = 0; at < updates.length; at += batch, clock++) {
  const content = serializeUint8ArrayUpdates(updates.slice(at, at + batch), sodium);
  sent.push(JSON.stringify(createUpdate(content, publicData, key, author, clock, sodium)));
}
const sealMs = performance.now() - sealing;

const reading = performance.now();
const copy = new Y.Doc();
let clock = -1;
const arrived: Uint8Array[] = [];
for (const message of sent) {
  const update = parseUpdate(JSON.parse(message));
  const opened = verifyAndDecryptUpdate(
    update,
    key,
    publicData.refSnapshotId,
    clock,
    sodium,
    "error",
  );
  if (opened.error !== undefined || opened.content === undefined)
    throw opened.error ?? new Error("nothing in it");
  clock = opened.clock as number;
  arrived.push(...deserializeUint8ArrayUpdates(sodium.to_string(opened.content), sodium));
}
copy.transact(() => arrived.forEach((update) => Y.applyUpdate(copy, update)));
const catchUpMs = performance.now() - reading;

if (copy.getText("text").toString() !== doc.getText("text").toString())
  throw new Error("the copy differs");
answer({
  sealMs,
  catchUpMs,
  bytes: sent.reduce((sum, message) => sum + message.length, 0),
  rows: sent.length,
});
