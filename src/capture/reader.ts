/**
 * What every agent's reader is.
 *
 * A reader knows where its agent keeps transcripts, whose a file is, and what a line says. It does no input or
 * output of its own: `scan` finds, reads and cuts files, a reader only looks at what it is given. So a reader can be
 * stopped after any line and go on from its state, in another process, with the same result.
 */
import { join } from "node:path";
import type { AgentId } from "../base/session.ts";
import type { Database } from "./database.ts";
import type { Findings } from "./findings.ts";
import type { JsonObject } from "./json.ts";

export type Env = Readonly<Record<string, string | undefined>>;

/**
 * How a transcript lies in its file. `lines`: JSON, one record a line, appended to. `prose`: text, appended to; a line is a
 * record `{ text }`. `document`: one JSON text, written anew with each change; its records are `document.ts`'s.
 */
export type Format = "lines" | "prose" | "document";

export interface Reader {
  readonly agent: AgentId;
  /** Folders below which transcripts lie, existing or not, most trusted first. */
  roots(home: string, env: Env): readonly string[];
  /** Whether folders below a root are looked into. Not where an agent keeps much else. */
  readonly nested: boolean;
  /** By its place alone: is this file below `root` a transcript? */
  isTranscript(relativePath: string): boolean;
  format(path: string): Format;
  /** Null: this agent keeps its transcripts in files. */
  readonly database: Database | null;
  /** Files of equal name are one transcript: only the first by root, plain before compressed, is read. Null: none is. */
  twinKey(path: string): string | null;
  /** By its content: are these the first lines of a transcript? For a file that a person names. */
  recognises(head: readonly JsonObject[]): boolean;
  /** The thread that a file's name speaks of, by which others name it; null where names speak of none. */
  thread(path: string): string | null;
  /** The turn that a line starts; null: none. Asked of lines that hold `turnMark` only; null: no line starts one. */
  turn(record: JsonObject): string | null;
  readonly turnMark: string | null;
  /** Whose file this is. */
  identify(path: string, head: readonly JsonObject[], disk: Disk): Promise<Identity>;
  /** Does a transcript in this state (null: unread) still have to be told from the one it replays? */
  isReplaying(state: unknown): boolean;
  /** The state with a title that stands beside the transcripts; null when it has that title. */
  retitle(state: unknown, title: string): unknown;
  /** Reads lines from `state` on (null: from the first). */
  open(identity: Identity, state: unknown, context: ReadContext): LineReader;
  /** What this agent keeps beside its transcripts: titles by source id. */
  titles(home: string, env: Env): Promise<ReadonlyMap<string, string>>;
}

/** What most readers say of what few agents have. */
export const PLAIN = {
  nested: true,
  format: (): Format => "lines",
  database: null,
  twinKey: () => null,
  thread: () => null,
  turn: () => null,
  turnMark: null,
  isReplaying: () => false,
  retitle: () => null,
  titles: async () => new Map<string, string>(),
} as const satisfies Partial<Reader>;

/** Where programs keep data by the XDG's word; several agents do so on every system. */
export function dataFolder(home: string, env: Env): string {
  const named = env["XDG_DATA_HOME"];
  return named === undefined || named === "" ? join(home, ".local", "share") : named;
}

/** Of a session in a file of its own. */
export function mainOf(sourceId: string): Identity {
  return {
    sourceId,
    lane: null,
    speaksForSession: true,
    copy: false,
    orderKey: null,
    replays: null,
  };
}

export interface Identity {
  readonly sourceId: string;
  /** Null: the main conversation. */
  readonly lane: string | null;
  /** False for a sub-agent whose main transcript is there: that one says what the session is called and where it ran. */
  readonly speaksForSession: boolean;
  /** Files are first read in this order, so that an original comes before its copies. Copies are those marked so. */
  readonly copy: boolean;
  /** Text that orders files of one kind; null: by the time of the last change. */
  readonly orderKey: string | null;
  /** Whose turns this file may begin with, by the agent's own id. */
  readonly replays: string | null;
  /** Where the session ran, when nothing but the file's place tells. */
  readonly cwd?: string;
}

export interface ReadContext {
  /** Ids of the turns of the transcript named by `Identity.replays`; empty when there is none or it is gone. */
  readonly replayed: ReadonlySet<string>;
  /** A title found beside the transcripts. */
  readonly title: string | null;
}

export interface LineReader {
  /** `number` is 1-based. Never keeps `record`. */
  line(record: JsonObject, number: number, found: Findings): void;
  /** Plain JSON, a copy. */
  state(): unknown;
}

/** What a reader may ask of the disk while it identifies a file. */
export interface Disk {
  exists(path: string): Promise<boolean>;
  /** First lines of the transcript of this source id, or null when it is not known here. */
  head(sourceId: string): Promise<readonly JsonObject[] | null>;
}

/** Position of an event in its lane. */
export function orderOf(line: number, index: number): number {
  return line * 1_000 + Math.min(index, 999);
}
