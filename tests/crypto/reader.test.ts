/** The second reader over the frozen keys and rows, and that it shares nothing with what it checks. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import frozenKeys from "../vectors/keys.json" with { type: "json" };
import frozenRows from "../vectors/rows.json" with { type: "json" };
import { documentKey, padme, readDevice, readKeyRecord, readRow, wireId } from "./reader.ts";

const { team, epoch, epochKey, idKey, teamSecret, passphrase, device } = frozenKeys;
const keys = { team, epoch, epochKey, idKey };
const rows = Object.entries(frozenRows.rows).map(([name, hex]) => ({
  name,
  row: Buffer.from(hex, "hex"),
}));
const flipped = (hex: string, at: number) => {
  const bytes = Buffer.from(hex, "hex");
  bytes[at] = (bytes[at] as number) ^ 1;
  return bytes;
};

test("C16: neither reader imports a file of the project, or a package that src/crypto uses for its primitives", () => {
  const allowed = /^(node:(crypto|zlib)|@noble\/(ciphers|curves|hashes)\/[\w./]+)$/;
  const files = { "reader.ts": ["./log/reader.ts"], "log/reader.ts": [] as string[] };
  for (const [file, others] of Object.entries(files)) {
    const text = readFileSync(`${import.meta.dirname}/${file}`, "utf8");
    const specifiers = [...text.matchAll(/\b(?:from|import)\s*"([^"]*)"/g)].map(([, of]) => of);
    expect(specifiers.length).toBeGreaterThan(4);
    // The list of words is a list.
    const words = "@scure/bip39/wordlists/english.js";
    const rest = specifiers.filter((of) => !allowed.test(of as string) && of !== words);
    expect(rest, file).toEqual(others);
    expect(text).not.toMatch(/\b(import|require|getBuiltinModule|createRequire)\s*[(.]/);
    expect(text.match(/\bimport\b/g)?.length, "one specifier an import").toBe(specifiers.length);
  }
});

test("C16: the second reader opens the frozen key record, and derives the names and keys of documents", () => {
  const opened = readKeyRecord(frozenKeys.keyRecord, team, passphrase, teamSecret);
  expect(opened).toEqual(keys);
  expect(wireId(keys, frozenKeys.document)).toBe(frozenKeys.wireDocumentId);
  expect(documentKey(keys, frozenKeys.wireDocumentId)).toBe(frozenKeys.documentKey);
  expect(frozenRows.key).toBe(frozenKeys.documentKey);
  const other = flipped(frozenKeys.keyRecord, 60).toString("hex");
  expect(() => readKeyRecord(other, team, passphrase, teamSecret)).toThrow("invalid tag");
  expect(() => readKeyRecord(frozenKeys.keyRecord, team, "other", teamSecret)).toThrow(
    "invalid tag",
  );
});

test("C16: it reads the frozen device", () => {
  const { id, signKey, boxKey } = device;
  expect(readDevice(device.signSeed, device.boxSecret)).toEqual({ id, signKey, boxKey });
});

test("C16: it proves and opens every frozen row", () => {
  const read = Object.fromEntries(
    rows.map(({ name, row }) => [name, readRow(row, frozenRows.signKey, frozenRows.key)]),
  );
  expect(Object.keys(read).length).toBe(6);
  const { previous, project, ...open } = frozenRows.header;
  const { body, ...content } = frozenRows.content;
  const inHex = (bytes: Buffer | undefined) => bytes?.toString("hex");
  for (const { name } of rows) {
    const { header } = read[name] as (typeof read)[string];
    const { kind: _kind, seq: _seq, ...expected } = open;
    expect(header).toMatchObject(expected);
    expect(header.project).toBe(name === "of the team" ? "0".repeat(32) : project);
    expect(header.seq).toBe(name === "chained" ? 2 : 1);
  }
  const { plain, chained, deflated, empty } = read;
  expect(inHex(plain?.header.previous)).toBe(previous);
  expect(plain?.content).toMatchObject(content);
  expect(inHex(plain?.content.body)).toBe(body);
  expect(chained?.content.body.toString()).toBe("the next change");
  expect(deflated?.content.body.toString()).toBe("again and ".repeat(120));
  expect(read["a part"]?.content).toMatchObject({ part: 1, parts: 3 });
  expect(empty?.content.body.length).toBe(0);
});

test("C16: it refuses each byte of every frozen row changed, and each length but the whole", () => {
  for (const { row, name } of rows)
    for (let at = 0; at < row.length; at++) {
      const changed = flipped(row.toString("hex"), at);
      expect(() => readRow(changed, frozenRows.signKey, frozenRows.key), name).toThrow("reader: ");
      const cut = row.subarray(0, at);
      expect(() => readRow(cut, frozenRows.signKey, frozenRows.key), name).toThrow("reader: ");
    }
});

test("C16: it pads to the frozen sizes", () => {
  for (const [size, padded] of frozenRows.paddedSizes) expect(padme(size as number)).toBe(padded);
  expect(padme(231 + 45 + 30 + 128 * 1024)).toBe(frozenRows.largestRowBytes);
});
