/** What a value looks like that the relay may have. Bytes are base64 in JSON and bytes in tables. */
import { createHash } from "node:crypto";
import { deflateRawSync } from "node:zlib";
import { type Body, type Fence } from "../../../src/crypto/log/body.ts";
import { decodeEntry } from "../../../src/crypto/log/entry.ts";
import { deviceId } from "../../../src/crypto/device.ts";
import { HEADER_BYTES, peekHeader } from "../../../src/crypto/header.ts";
import { paddedSize } from "../../../src/crypto/padding.ts";
import type { Received } from "./received.ts";

export type Form =
  | "team"
  | "project"
  | "uuid"
  | "count"
  | "count or null"
  | "time"
  | "time or null"
  | "word"
  | "constant"
  | "null"
  | "nothing"
  | "address"
  | "password"
  | "password hash"
  | "token"
  | "migration"
  | "cursor"
  | "device"
  | "id"
  | "id or null"
  | "hash"
  | "hash or null"
  | "record or null"
  | "key record"
  | "key box"
  | "bundle"
  | "presence"
  | "entry"
  | "row"
  | "row or null";

/** In bytes, whatever is in them. */
const SIZES = {
  id: 16,
  hash: 32,
  record: 77,
  "key record": 205,
  "key box": 157,
  bundle: 89,
  presence: 512,
};
const ROW_MAX_BYTES = 256 * 1024;
const WORDS = new Set(
  [
    ["owner", "admin", "member", "own", "ordinary", "ephemeral", "recovery", "create", "invite"],
    ["add-device", "revoke-invite", "role", "project-access", "remove-member", "remove-device"],
    ["rename-device", "epoch", "retire"],
  ].flat(),
);

/** The opaque ids of a scenario, as the relay has them: what is not one of them is no id. */
export interface Ids {
  readonly teams: ReadonlySet<string>;
  readonly teamTags: ReadonlySet<string>;
  readonly projects: ReadonlySet<string>;
  /** Hashes of public keys, 32 hex digits. */
  readonly devices: ReadonlySet<string>;
  /** 16 bytes as hex, which no field of a header may be. */
  readonly localIds: ReadonlySet<string>;
}

export function idsOf({ tables }: Received, localIds: ReadonlySet<string>): Ids {
  const column = (table: string, name: string): readonly unknown[] =>
    tables.find((each) => each.name === table)?.rows.map((row) => row[name]) ?? [];
  const teams = column("public.cloud_teams", "id") as readonly string[];
  const devices = column("public.cloud_log", "entry").flatMap((entry) => {
    const read = decodeEntry(entry as Uint8Array);
    const body = read.ok ? read.value.body : null;
    return body?.kind === "create" || body?.kind === "add-device" ? [deviceId(body)] : [];
  });
  return {
    teams: new Set(teams),
    teamTags: new Set(
      teams.map((team) => createHash("sha256").update(team).digest("hex").slice(0, 32)),
    ),
    projects: new Set(column("public.cloud_projects", "id") as readonly string[]),
    devices: new Set(devices),
    localIds,
  };
}

/** Null: it has the form. Else what is wrong. */
export function wrong(form: Form, value: unknown, ids: Ids): string | null {
  if (form.endsWith(" or null")) {
    if (value === null) return null;
    return wrong(form.slice(0, -" or null".length) as Form, value, ids);
  }
  const no = (fits: boolean): string | null => (fits ? null : `is no ${form}`);
  const text = typeof value === "string" ? value : "";
  switch (form) {
    case "team":
      return no(ids.teams.has(text));
    case "project":
      return no(value === null || ids.projects.has(text));
    case "uuid":
      return no(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text));
    case "count":
      return no(/^\d{1,15}$/.test(String(value)));
    case "time":
      return no(value instanceof Date || (/^\d+$/.test(String(value)) && Number(value) > 1e12));
    case "word":
      return no(WORDS.has(text));
    case "constant":
      return no(
        typeof value === "boolean" ||
          ["", "ok", "broadcast", "poke", "log"].includes(text) ||
          /^[0-9a-f]{64}$/.test(text),
      );
    case "null":
      return no(value === null);
    case "nothing":
      return no(false);
    case "address":
      return no(/^[a-z]+\.[a-z]+@orchard\.example$/.test(text));
    case "password":
      return no(typeof value === "string");
    case "password hash":
      return no(/^\$argon2id\$v=19\$m=\d+,(t|p)=\d+,(t|p)=\d+\$[\w+/]+\$[\w+/]+$/.test(text));
    case "token":
      return no(/^eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+$/.test(text));
    case "migration":
      return no(/^[\w]+\.sql$/.test(text));
    case "cursor":
      return no(Array.isArray(value) && value.length === 3 && isCursor(value, ids));
    case "device":
      return no(ids.devices.has(typeof value === "string" ? value : hexOf(value)));
    case "entry":
      return wrongEntry(bytesOf(value));
    case "row":
      return wrongRow(bytesOf(value), ids);
    case "id":
    case "hash":
    case "key record":
    case "key box":
    case "bundle":
    case "presence":
      return bytesOf(value)?.length === SIZES[form] ? null : `has not the one size of a ${form}`;
    default:
      return (form as string) === "record" && bytesOf(value)?.length === SIZES.record
        ? null
        : `has not the one size of a ${form}`;
  }
}

function isCursor([project, n, held]: readonly unknown[], { projects }: Ids): boolean {
  return (
    (project === null || projects.has(String(project))) &&
    [n, held].every((number) => Number.isSafeInteger(number) && (number as number) >= 0)
  );
}

/** Base64 with nothing else in it, or bytes. */
export function bytesOf(value: unknown): Buffer | null {
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (typeof value !== "string") return null;
  const bytes = Buffer.from(value, "base64");
  return bytes.toString("base64") === value ? bytes : null;
}

function hexOf(value: unknown): string {
  return bytesOf(value)?.toString("hex") ?? "";
}

function wrongRow(row: Buffer | null, ids: Ids): string | null {
  if (row === null) return "is no bytes";
  if (row.length > ROW_MAX_BYTES || row.length !== paddedSize(row.length))
    return `is a row of ${row.length} bytes, which is no padded size`;
  if (deflateRawSync(row.subarray(HEADER_BYTES)).length < 0.95 * (row.length - HEADER_BYTES))
    return "is a row that can be made smaller, so it is not sealed";
  const header = peekHeader(row);
  if (!header.ok) return header.fault.message;
  const { team, project, document, device, replica } = header.value;
  const uuid = project?.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  const faults = [
    !ids.teamTags.has(team) && "team",
    uuid !== undefined && !ids.projects.has(uuid) && "project",
    !ids.devices.has(device) && "device",
    ...Object.entries({ document, replica }).map(
      ([name, field]) => (ids.localIds.has(field) || isText(field)) && name,
    ),
  ].filter((name) => typeof name === "string");
  return faults.length === 0 ? null : `has a header whose ${faults.join(", ")} is not opaque`;
}

/** Sixteen letters and digits are no hash and nothing random. */
function isText(hex: string): boolean {
  return /^[\x20-\x7e]+$/.test(Buffer.from(hex, "hex").toString("latin1"));
}

/** Header 77, signature 64, a person's card 407; a list stands behind two bytes. */
const ENTRY_BYTES = 77 + 64;
const CARD_BYTES = 407;
const listBytes = (items: readonly (string | Fence)[], each: number): number =>
  2 + each * items.length;

function wrongEntry(bytes: Buffer | null): string | null {
  const read = bytes && decodeEntry(bytes);
  if (!read?.ok) return "is no entry of a log";
  const { body } = read.value;
  return bytes?.length === ENTRY_BYTES + bodyBytes(body)
    ? null
    : `has not the one size of an entry of kind ${body.kind}`;
}

function bodyBytes(body: Body): number {
  switch (body.kind) {
    case "create":
      return 16 + 32 + 16 + 32 + 32 + CARD_BYTES;
    case "invite":
      return 32 + 1 + 1 + 6;
    case "add-device":
      return 16 + 32 + 32 + 1 + 6 + CARD_BYTES + 64;
    case "revoke-invite":
      return 16;
    case "role":
      return 16 + 1;
    case "project-access":
      return 16 + 1 + (body.members === null ? 0 : listBytes(body.members, 16));
    case "remove-member":
    case "remove-device":
      return 16 + listBytes(body.fences, 54);
    case "rename-device":
      return 16 + CARD_BYTES;
    case "epoch":
      return 4 + 4 + 32 + listBytes(body.recipients, 16);
    case "retire":
      return 1 + 1 + retiredBytes(body);
  }
}

function retiredBytes({ scope }: Extract<Body, { kind: "retire" }>): number {
  if (scope.what === "documents") return listBytes(scope.documents, 16);
  return scope.what === "member" ? 16 + listBytes(scope.fences, 54) : 54;
}
