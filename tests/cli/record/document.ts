/** docs/RELAY-RECORD.md, from what was recorded. */
import { decodeEntry } from "../../../src/crypto/log/entry.ts";
import { FRAMES, FUNCTIONS, type Fields, HEADERS, LINES, type Line, TABLES } from "./allowed.ts";
import { everyValue, functionOf, readFrame } from "./checks.ts";
import { bytesOf } from "./forms.ts";
import type { Received } from "./received.ts";

const SEALED = new Set(["entry", "row", "key record", "key box", "bundle", "presence", "record"]);

export function describeRecord(received: Received): string {
  const { requests, frames, tables } = received;
  const calls = grouped(requests, functionOf, ({ body }) => body.length);
  const said = grouped(
    frames,
    (frame) => readFrame(frame).name,
    ({ data }) => data.length,
  );
  return `# What a relay received

Written by \`npm run record\`: three people sign up, make a team, invite and join; they link a project, share a session, write a decision on two devices
at once; a role, a name, a recovery kit, two new keys, a new passphrase, a removal, a device restored, a new password, a session taken back, one who leaves. A proxy before the relay kept
every request and every frame, and its database was read at the end. \`tests/cli/record.test.ts\` does it again, holds each value against its form,
looks for names, texts, ids and keys in all of it, and compares the names below. Counts and sizes (bytes) are those of one run. Words in italics are the lines of
["What the server learns"](THREAT-MODEL.md#what-the-server-learns). Of each request and frame the relay also knows the time and the network address.

## Functions

| function | arguments: form, _line_ | calls | bytes of the body |
| --- | --- | --- | --- |
${rows(calls, FUNCTIONS)}

Headers: ${Object.keys(HEADERS)
    .map((name) => `\`${name}\``)
    .join(
      ", ",
    )}. The token in \`authorization\` holds the account's id and address (_accounts_); the others say nothing of who asks.

Not in this hour: \`POST /auth/v1/token?grant_type=refresh_token\` with the refresh token, \`GET /auth/v1/user\`, and the frame \`access_token\` with the new token (_accounts_).

## Frames

Topics: \`phoenix\`, \`realtime:team:TEAM:EPOCH\`, \`realtime:stream:TEAM:PROJECT:TAG\`.

| frame | fields: form, _line_ | frames | bytes |
| --- | --- | --- | --- |
${rows(said, FRAMES)}

## Tables

| table | columns: form, _line_ | rows |
| --- | --- | --- |
${tables.map(({ name, rows: { length } }) => `| \`${name}\` | ${fieldsOf(TABLES[name])} | ${length} |`).join("\n")}

## Sealed

| what | times | bytes |
| --- | --- | --- |
${sealedSizes(received)}
`;
}

interface Group {
  count: number;
  readonly sizes: number[];
}

function grouped<T>(
  all: readonly T[],
  nameOf: (one: T) => string,
  sizeOf: (one: T) => number,
): ReadonlyMap<string, Group> {
  const groups = new Map<string, Group>();
  for (const one of all) {
    const group = groups.get(nameOf(one)) ?? { count: 0, sizes: [] };
    groups.set(nameOf(one), group);
    group.count++;
    group.sizes.push(sizeOf(one));
  }
  return groups;
}

function rows(
  groups: ReadonlyMap<string, Group>,
  allowed: Readonly<Record<string, Fields>>,
): string {
  return [...groups]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([name, { count, sizes }]) =>
        `| \`${name}\` | ${fieldsOf(allowed[name])} | ${count} | ${range(sizes)} |`,
    )
    .join("\n");
}

function range(sizes: readonly number[]): string {
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
  return least === most ? String(least) : `${least}–${most}`;
}

/** Those of one form and line together. */
function fieldsOf(fields: Fields = {}): string {
  const together = new Map<string, string[]>();
  for (const [name, [form, line]] of Object.entries(fields)) {
    const said = `${form}, _${line === "own" ? "its own" : LINES[line satisfies Line]}_`;
    together.set(said, [...(together.get(said) ?? []), `\`${name}\``]);
  }
  return [...together].map(([said, names]) => `${names.join(" ")}: ${said}`).join(" · ");
}

/** Each once, however often it passed. */
function sealedSizes(received: Received): string {
  const all: Readonly<Record<string, Fields>> = { ...FUNCTIONS, ...FRAMES, ...TABLES };
  const seen = new Map<string, { readonly what: string; readonly sizeBytes: number }>();
  for (const { of, field, value } of everyValue(received)) {
    const form = all[of]?.[field]?.[0].replace(" or null", "") ?? "";
    const bytes = SEALED.has(form) ? bytesOf(value) : null;
    if (bytes === null) continue;
    seen.set(bytes.toString("latin1"), { what: whatOf(form, bytes), sizeBytes: bytes.length });
  }
  const groups = grouped(
    [...seen.values()],
    ({ what }) => what,
    ({ sizeBytes }) => sizeBytes,
  );
  return [...groups]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([what, { count, sizes }]) => `| ${what} | ${count} | ${distinct(sizes)} |`)
    .join("\n");
}

function whatOf(form: string, bytes: Buffer): string {
  const entry = form === "entry" ? decodeEntry(bytes) : null;
  if (entry?.ok) return `entry: ${entry.value.body.kind}`;
  if (form === "row") return `row of kind ${bytes[2]}`;
  return form === "record" ? "epoch record" : form;
}

function distinct(sizes: readonly number[]): string {
  return [...new Set(sizes)].toSorted((a, b) => a - b).join(", ");
}

/** What stands first and second in each row of its tables, but for that of sizes: names, and no counts. */
export function namesIn(document: string): readonly string[] {
  const [named = ""] = document.split("## Sealed");
  return [...named.matchAll(/^\| (`[^|]+`) \| ([^|]*) \|/gm)].map(
    ([, name, fields]) => `${name}: ${fields}`,
  );
}
