/** Holds what a relay received against what it may receive: what stands where, in which form, and what stands nowhere. */
import { FRAMES, FUNCTIONS, HEADERS, TABLES, TOPICS, type Fields } from "./allowed.ts";
import { type Ids, bytesOf, idsOf, wrong } from "./forms.ts";
import type { AskedOfRelay, Frame, Received } from "./received.ts";
import type { Needle } from "./scenario.ts";

/** A value that was sent or is held, where it stands. */
interface Value {
  /** Function, frame or table, as in the list of what is allowed. */
  readonly of: string;
  readonly field: string;
  readonly value: unknown;
}

const TOKEN = /eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+/g;
const RPC = "/rest/v1/rpc/";
const SIGN_IN = /^\/auth\/v1\/(signup|token\?grant_type=password|user)$/;

/** As it stands in `FUNCTIONS`. */
export function functionOf({ method, url }: AskedOfRelay): string {
  return method === "POST" && url.startsWith(RPC)
    ? url.slice(RPC.length)
    : `${method} ${url.replace(/apikey=[^&]*/, "apikey=…")}`;
}

/** Of what is sent as text: `topic` and `fields`; of bytes: `payload`. */
interface Read {
  readonly name: string;
  readonly topic: string;
  readonly fields: unknown;
}

export function readFrame({ from, data, binary }: Frame): Read {
  if (binary) return readBinary(from, data);
  const [, , topic, event, payload] = JSON.parse(data.toString()) as [
    unknown,
    unknown,
    string,
    string,
    Record<string, unknown>,
  ];
  const kind = event === "broadcast" ? `broadcast ${String(payload["event"])}` : event;
  const fields = event === "phx_reply" ? { status: payload["status"] } : payload;
  return { name: `${from}: ${kind}`, topic, fields };
}

/** As supabase-js lays them out: lengths of a byte each, then what they are of, then bytes. */
function readBinary(from: Frame["from"], data: Buffer): Read {
  const said = from === "device";
  const lengths = [...data.subarray(1, said ? 6 : 4)];
  let at = said ? 7 : 5;
  const parts = lengths.map((length) => data.subarray(at, (at += length)).toString());
  const [topic = "", event = "", more = ""] = said ? parts.slice(2) : parts;
  const known = data[0] === (said ? 3 : 4) && more === "" && data[said ? 6 : 4] === 0;
  return {
    name: known ? `${from}: ${event}` : `${from}: bytes ${data[0]}`,
    topic,
    fields: { payload: data.subarray(at) },
  };
}

/** Each value by the path in the list that it stands at. */
function valuesOf(of: string, whole: unknown, allowed: Fields = {}): readonly Value[] {
  const values: Value[] = [];
  const walk = (value: unknown, field: string): void => {
    if (field in allowed || typeof value !== "object" || value === null || bytes(value)) {
      values.push({ of, field, value });
      return;
    }
    for (const [key, each] of Object.entries(value)) {
      if (Array.isArray(value)) walk(each, `${field}[]`);
      else
        walk(
          each,
          [field, /^[0-9a-f]{32}$/.test(key) ? "{device}" : key].join(".").replace(/^\./, ""),
        );
    }
  };
  walk(whole, "");
  return values;
}

function bytes(value: object): boolean {
  return value instanceof Uint8Array || value instanceof Date;
}

/** All that came and all that is held, value by value. */
export function everyValue({ requests, frames, tables }: Received): readonly Value[] {
  return [
    ...requests.flatMap((asked) => {
      const name = functionOf(asked);
      const body: unknown = asked.body.length === 0 ? {} : JSON.parse(asked.body.toString());
      return valuesOf(name, body, FUNCTIONS[name]);
    }),
    ...frames.flatMap((frame) => {
      const { name, fields } = readFrame(frame);
      return valuesOf(name, fields, FRAMES[name]);
    }),
    ...tables.flatMap(({ name, rows }) =>
      rows.flatMap((row) =>
        Object.entries(row).map(([field, value]) => ({ of: name, field, value })),
      ),
    ),
  ];
}

/** Names of functions, frames and tables, each with those of its fields, as they were recorded. */
function namesOf(received: Received): ReadonlyMap<string, ReadonlySet<string>> {
  const names = new Map<string, Set<string>>();
  const put = (of: string): Set<string> => {
    const fields = names.get(of) ?? new Set();
    names.set(of, fields);
    return fields;
  };
  for (const asked of received.requests) put(functionOf(asked));
  for (const frame of received.frames) put(readFrame(frame).name);
  for (const { name, columns } of received.tables)
    for (const column of columns) put(name).add(column);
  for (const { of, field } of everyValue(received)) put(of).add(field);
  return names;
}

/** What was recorded and is not in the list, and what is in the list and was not recorded. */
export function unlisted(received: Received): readonly string[] {
  const flat = (names: Iterable<readonly [string, Iterable<string>]>): Set<string> =>
    new Set(
      [...names].flatMap(([of, fields]) => [of, ...[...fields].map((field) => `${of} · ${field}`)]),
    );
  const listed = flat(
    Object.entries({ ...FUNCTIONS, ...FRAMES, ...TABLES }).map(
      ([of, fields]) => [of, Object.keys(fields)] as const,
    ),
  );
  const seen = flat(namesOf(received));
  return [
    ...[...seen].filter((name) => !listed.has(name)).map((name) => `not allowed: ${name}`),
    ...[...listed].filter((name) => !seen.has(name)).map((name) => `never seen: ${name}`),
  ];
}

/** Values, headers and topics that have another form than the one allowed there. */
export function misshapen(received: Received, needles: readonly Needle[]): readonly string[] {
  const ids = idsOf(received, localIdsOf(needles));
  const all = new Map(Object.entries({ ...FUNCTIONS, ...FRAMES, ...TABLES }));
  const faults = everyValue(received).flatMap(({ of, field, value }) => {
    const form = all.get(of)?.[field]?.[0];
    const fault = form && wrong(form, value, ids);
    return fault ? [`${of} · ${field} ${fault}`] : [];
  });
  const topics = received.frames.flatMap((frame) => {
    const { name, topic } = readFrame(frame);
    return isTopic(topic, ids) ? [] : [`${name}: the topic ${topic}`];
  });
  return [...new Set([...faults, ...topics, ...received.requests.flatMap(wrongHeaders)])];
}

function localIdsOf(needles: readonly Needle[]): ReadonlySet<string> {
  const ids = needles.filter(({ what, bytes }) => /local id/.test(what) && bytes.length === 16);
  return new Set(ids.map(({ bytes }) => Buffer.from(bytes).toString("hex")));
}

function isTopic(topic: string, { teams, projects }: Ids): boolean {
  const groups = TOPICS.map((form) => form.exec(topic)).find((match) => match !== null);
  if (groups === undefined) return false;
  const { team, project } = groups.groups ?? {};
  return (
    (team === undefined || teams.has(team)) && (project === undefined || projects.has(project))
  );
}

function wrongHeaders(asked: AskedOfRelay): readonly string[] {
  return pairs(asked.rawHeaders).flatMap(([name, value]) => {
    const form = HEADERS[name.toLowerCase()];
    return form?.test(value.replaceAll(TOKEN, "<token>")) ? [] : [`header ${name}: ${value}`];
  });
}

function pairs(flat: readonly string[]): readonly (readonly [string, string])[] {
  return flat.flatMap((name, at) => (at % 2 === 0 ? [[name, flat[at + 1] ?? ""] as const] : []));
}

/** A stretch of bytes that is searched. `may`: what may stand in it. */
interface Part {
  readonly where: string;
  readonly bytes: Buffer;
  readonly may: ReadonlySet<Needle["may"]>;
}

const NOTHING: Part["may"] = new Set();
const ADDRESS: Part["may"] = new Set(["address"]);
const SIGNING_IN: Part["may"] = new Set(["address", "password"]);

/** What stands where it must not: "a title in cloud_push". */
export function found(received: Received, needles: readonly Needle[]): readonly string[] {
  const parts = unique(partsOf(received));
  const kinds = [NOTHING, ADDRESS, SIGNING_IN].map((may) => {
    const those = parts.filter((part) => part.may === may);
    return { may, those, whole: Buffer.concat(those.flatMap(({ bytes }) => [bytes, GAP])) };
  });
  const hits = needles.flatMap((needle) =>
    formsOf(needle.bytes).flatMap((form) =>
      kinds
        .filter(({ may, whole }) => !(needle.may && may.has(needle.may)) && whole.includes(form))
        .flatMap(({ those }) => those.filter(({ bytes }) => bytes.includes(form)))
        .map(({ where }) => `${needle.what} in ${where}`),
    ),
  );
  const ids = parts.filter(({ bytes }) => LOCAL_ID.test(bytes.toString("latin1")));
  return [...new Set([...hits, ...ids.map(({ where }) => `a local id in ${where}`)])];
}

const GAP = Buffer.from("\n");
const LOCAL_ID = /(proj|ses|dec|evt|doc)_[0-9A-HJKMNP-TV-Z]{26}/;

function partsOf({ requests, frames, tables, log }: Received): readonly Part[] {
  const parts: Part[] = [];
  const put = (where: string, data: Buffer | string, may = NOTHING): void => {
    const bytes = Buffer.from(data as string);
    if (may === NOTHING)
      for (const [token] of bytes.toString("latin1").matchAll(TOKEN)) putToken(token);
    const text = bytes.toString("latin1");
    parts.push({
      where,
      bytes: may === NOTHING ? Buffer.from(text.replaceAll(TOKEN, "<token>"), "latin1") : bytes,
      may,
    });
  };
  const putToken = (token: string): void => {
    put("a token", token, ADDRESS);
    for (const part of token.split(".")) put("a token", Buffer.from(part, "base64url"), ADDRESS);
  };
  for (const asked of requests) {
    const name = functionOf(asked);
    const may = SIGN_IN.test(asked.url) ? SIGNING_IN : NOTHING;
    put(name, `${asked.method} ${asked.url}\n${asked.rawHeaders.join("\n")}`);
    put(name, asked.body, may);
  }
  for (const frame of frames) put(readFrame(frame).name, frame.data);
  for (const { name, rows } of tables)
    for (const value of rows.flatMap((row) => Object.values(row))) {
      const may = name === "auth.users" ? ADDRESS : NOTHING;
      put(
        name,
        value instanceof Uint8Array ? Buffer.from(value) : (JSON.stringify(value) ?? ""),
        may,
      );
    }
  put("the relay's log", log);
  // Once more as bytes, so that text inside of what is base64 is searched in all its forms.
  for (const { of, value } of everyValue({ requests, frames, tables, log })) {
    const inside = typeof value === "string" && value.length >= 16 ? bytesOf(value) : null;
    if (inside) put(of, inside);
  }
  return parts;
}

function unique(parts: readonly Part[]): readonly Part[] {
  const seen = new Map<string, Part>();
  for (const part of parts) {
    const key = `${part.may === NOTHING} ${part.may.size} ${part.bytes.toString("latin1")}`;
    if (!seen.has(key)) seen.set(key, part);
  }
  return [...seen.values()];
}

/** Bytes as they are, and text as UTF-16 too; each raw, as hex, and as base64 wherever it may begin in it. */
export function formsOf(needle: Uint8Array): readonly Buffer[] {
  const raw = Buffer.from(needle);
  const text = raw.toString();
  const isText = Buffer.from(text).equals(raw) && /^[^\x00-\x1f]*$/.test(text);
  const little = Buffer.from(text, "utf16le");
  const whole = isText ? [raw, little, Buffer.from(little).swap16()] : [raw];
  const forms = whole.flatMap((bytes) => [
    bytes,
    ...[bytes.toString("hex"), bytes.toString("hex").toUpperCase(), ...base64Of(bytes)].map(
      (form) => Buffer.from(form),
    ),
  ]);
  return isText ? [...forms, Buffer.from(encodeURIComponent(text))] : forms;
}

/** The digits that are the same whatever stands around, at each of three alignments and in both alphabets. */
function base64Of(bytes: Buffer): readonly string[] {
  if (bytes.length < 8) throw new Error("too short to be told from chance");
  return [0, 1, 2].flatMap((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString("base64")
      .replaceAll("=", "");
    const digits = text.slice(shift === 0 ? 0 : shift + 1, -2);
    return [digits, digits.replaceAll("+", "-").replaceAll("/", "_")];
  });
}
