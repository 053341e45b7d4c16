/**
 * All that a relay may receive and hold: functions with their arguments, headers, frames, tables with their columns. Each with
 * the form that its values have (`forms.ts`) and with the line of "What the server learns" that covers it.
 */
import type { Form } from "./forms.ts";

/** The lines of docs/THREAT-MODEL.md, by how they begin. */
export const LINES = {
  accounts: "accounts",
  membership: "membership",
  ids: "opaque ids",
  counts: "counts and times",
  looks: "who looks at",
  sizes: "sizes",
  invites: "that an invite",
} as const;
export type Line = keyof typeof LINES;

/** `own`: the relay's, and no client's. */
export type Allowed = readonly [Form, Line | "own"];
export type Fields = Readonly<Record<string, Allowed>>;

const team: Allowed = ["team", "ids"];
const project: Allowed = ["project", "ids"];

/** By method and path. Fields as paths into the JSON that is sent. */
export const FUNCTIONS: Readonly<Record<string, Fields>> = {
  "POST /auth/v1/signup": {
    email: ["address", "accounts"],
    password: ["password", "accounts"],
    code_challenge: ["null", "accounts"],
    code_challenge_method: ["null", "accounts"],
  },
  "POST /auth/v1/token?grant_type=password": {
    email: ["address", "accounts"],
    password: ["password", "accounts"],
  },
  "PUT /auth/v1/user": {
    password: ["password", "accounts"],
    current_password: ["password", "accounts"],
    code_challenge: ["null", "accounts"],
    code_challenge_method: ["null", "accounts"],
  },
  "POST /auth/v1/logout?scope=local": {},
  "POST /auth/v1/logout?scope=global": {},
  "GET /realtime/v1/websocket?apikey=…&vsn=2.0.0": {},
  cloud_log_append: {
    team,
    listed: ["count", "membership"],
    "entries[].entry": ["entry", "membership"],
    "entries[].epoch.record": ["record or null", "membership"],
    "entries[].epoch.key_record": ["key record", "membership"],
    "entries[].epoch.as_of.entry": ["hash", "membership"],
    "entries[].epoch.as_of.key_record": ["hash", "membership"],
    "entries[].epoch.boxes.{device}": ["key box", "membership"],
    "entries[].invite.proof_hash": ["hash", "invites"],
    "entries[].invite.email_hash": ["hash or null", "invites"],
    "entries[].invite.bundle": ["bundle", "invites"],
    "entries[].proof": ["hash", "invites"],
    "entries[].box": ["key box", "membership"],
  },
  cloud_log_read: { team, after: ["count", "counts"] },
  cloud_epochs: { team, device: ["device", "ids"] },
  cloud_key_record_put: {
    team,
    entry: ["hash", "membership"],
    key_record: ["key record", "membership"],
  },
  cloud_invite_open: { team, proof: ["hash", "invites"] },
  cloud_heads: { team },
  cloud_project_create: { team },
  cloud_push: { team, project, "rows[]": ["row", "sizes"] },
  cloud_pull: { team, "cursors[]": ["cursor", "counts"], max_rows: ["count", "counts"] },
  cloud_snapshots: { team, project },
  cloud_snapshot_rows: {
    team,
    project,
    last: ["count", "counts"],
    after: ["count", "counts"],
  },
  cloud_compact: { team, project, last: ["count", "counts"] },
};

/** Their values are the same for everybody but where a form is named. */
export const HEADERS: Readonly<Record<string, RegExp>> = {
  host: /^127\.0\.0\.1:\d+$/,
  connection: /^(keep-alive|Upgrade|upgrade)$/,
  authorization: /^Bearer <token>$/,
  apikey: /^<token>$/,
  accept: /^(\*\/\*|application\/json)$/,
  "accept-language": /^\*$/,
  "accept-encoding": /^[a-z, ]+$/,
  "cache-control": /^no-cache$/,
  pragma: /^no-cache$/,
  "content-type": /^application\/json(;charset=UTF-8)?$/,
  "content-length": /^\d+$/,
  "content-profile": /^public$/,
  "sec-fetch-mode": /^(cors|websocket)$/,
  "sec-websocket-key": /^[A-Za-z0-9+/]{22}==$/,
  "sec-websocket-version": /^13$/,
  "sec-websocket-extensions": /^permessage-deflate; client_max_window_bits$/,
  upgrade: /^websocket$/,
  "user-agent": /^node$/,
  "x-client-info": /^operon$/,
  "x-supabase-api-version": /^2024-01-01$/,
};

/** By who says it and the event; a broadcast by its own event too. */
export const FRAMES: Readonly<Record<string, Fields>> = {
  "device: heartbeat": {},
  "device: phx_join": {
    "config.broadcast.ack": ["constant", "counts"],
    "config.broadcast.self": ["constant", "counts"],
    "config.presence.key": ["constant", "counts"],
    "config.presence.enabled": ["constant", "counts"],
    "config.private": ["constant", "counts"],
    access_token: ["token", "accounts"],
  },
  "device: phx_leave": {},
  "device: row": { payload: ["row", "looks"] },
  "device: presence": { payload: ["presence", "looks"] },
  "relay: phx_reply": { status: ["constant", "counts"] },
  "relay: phx_close": {},
  "relay: broadcast log": {
    type: ["constant", "counts"],
    event: ["constant", "counts"],
    "payload.listed": ["count", "membership"],
  },
  "relay: broadcast poke": {
    type: ["constant", "counts"],
    event: ["constant", "counts"],
    "payload.project": project,
    "payload.n": ["count", "counts"],
    "payload.h": ["hash", "counts"],
    "payload.row": ["row", "sizes"],
  },
  "relay: row": { payload: ["row", "looks"] },
  "relay: presence": { payload: ["presence", "looks"] },
};

/** The second ends in a keyed hash. */
export const TOPICS: readonly RegExp[] = [
  /^phoenix$/,
  /^realtime:team:(?<team>team_[0-9A-HJKMNP-TV-Z]{26}):\d+$/,
  /^realtime:stream:(?<team>team_[0-9A-HJKMNP-TV-Z]{26}):(?<project>[0-9a-f-]{36})?:[0-9a-f]{32}$/,
];

const time: Allowed = ["time", "counts"];
const account: Allowed = ["uuid", "membership"];
const count: Allowed = ["count", "counts"];
const id: Allowed = ["id", "ids"];

export const TABLES: Readonly<Record<string, Fields>> = {
  "auth.users": {
    id: ["uuid", "accounts"],
    email: ["address", "accounts"],
    encrypted_password: ["password hash", "accounts"],
    created_at: ["time", "accounts"],
    last_sign_in_at: ["time", "accounts"],
  },
  "auth.sessions": {
    id: ["uuid", "accounts"],
    user_id: ["uuid", "accounts"],
    created_at: ["time", "accounts"],
  },
  "auth.refresh_tokens": {
    hash: ["hash", "accounts"],
    session_id: ["uuid", "accounts"],
    parent: ["hash or null", "accounts"],
    used_at: ["time or null", "accounts"],
  },
  "auth.signing_key": {
    one: ["constant", "own"],
    secret: ["hash", "own"],
    issued_at: ["count", "own"],
  },
  "public.migrations": {
    version: ["count", "own"],
    name: ["migration", "own"],
    hash: ["constant", "own"],
    at: ["time", "own"],
  },
  "public.cloud_teams": { id: team, created_at: time },
  "public.cloud_members": {
    team_id: team,
    user_id: account,
    role: ["word", "membership"],
    held_until: ["time or null", "counts"],
  },
  "public.cloud_devices": {
    team_id: team,
    id: ["device", "ids"],
    user_id: account,
    kind: ["word", "membership"],
    expires_at: ["time or null", "membership"],
    held_until: ["time or null", "counts"],
  },
  "public.cloud_log": {
    team_id: team,
    place: ["count", "membership"],
    entry: ["entry", "membership"],
    hash: ["hash", "membership"],
    kind: ["word", "membership"],
    about: ["id or null", "membership"],
    epoch: ["count or null", "membership"],
    leads: ["constant", "membership"],
    who: account,
    at: ["time", "membership"],
  },
  "public.cloud_epochs": {
    team_id: team,
    entry: ["hash", "membership"],
    record: ["record or null", "membership"],
    key_record: ["key record", "membership"],
  },
  "public.cloud_boxes": {
    team_id: team,
    entry: ["hash", "membership"],
    device: ["device", "ids"],
    box: ["key box", "membership"],
  },
  "public.cloud_invites": {
    team_id: team,
    id,
    proof_hash: ["hash", "invites"],
    email_hash: ["hash or null", "invites"],
    admits: ["word", "invites"],
    bundle: ["bundle", "invites"],
    created_by: ["uuid", "invites"],
    expires_at: ["time", "invites"],
  },
  "public.cloud_projects": {
    id: ["uuid", "ids"],
    team_id: team,
    seen_by: ["null", "membership"],
    created_by: account,
    created_at: time,
  },
  "public.cloud_streams": {
    id: count,
    team_id: team,
    project_id: project,
    n: count,
    h: ["hash", "counts"],
  },
  "public.cloud_rows": {
    stream_id: count,
    n: count,
    hash: ["hash", "counts"],
    h: ["hash", "counts"],
    doc: id,
    device: ["device", "ids"],
    replica: id,
    epoch: count,
    seq: count,
    body: ["row or null", "sizes"],
    kind: count,
    mark: ["count or null", "counts"],
    rest: ["count or null", "counts"],
    came_at: time,
  },
  "public.cloud_compactions": {
    stream_id: count,
    last: count,
    asked_by: ["uuid", "counts"],
    at: time,
  },
  /** It stays empty: a message is asked about and not kept. */
  "realtime.messages": {
    id: ["uuid", "own"],
    topic: ["nothing", "own"],
    extension: ["nothing", "own"],
    payload: ["nothing", "own"],
    event: ["nothing", "own"],
    private: ["nothing", "own"],
    inserted_at: ["nothing", "own"],
  },
};
