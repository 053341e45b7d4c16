/**
 * The one contract that the interface and the commands see.
 *
 * Every method takes one plain JSON value and answers one; a failure is a `Fault` whose message is a sentence to show.
 * The same contract runs over the engine's socket (commands) and over the loopback WebSocket (interface): neither side
 * knows which process hosts the engine. `socket.ts` and `web.ts` carry it; documents being edited go beside it as binary
 * Yjs updates (`channel.ts`).
 */
import type { AgentId, EventKind, EventStatus, Part, Tokens } from "../base/session.ts";
import type { DecisionRecord, DecisionStatus } from "../crdt/decision.ts";

export interface SessionRow {
  readonly id: string;
  readonly agent: AgentId;
  readonly sourceId: string;
  readonly project: {
    readonly id: string;
    readonly name: string;
    readonly path: string | null;
  } | null;
  readonly title: string | null;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly agentVersion: string | null;
  readonly gitBranch: string | null;
  readonly models: readonly string[];
  readonly events: number;
  readonly prompts: number;
  readonly calls: number;
  readonly tools: number;
  readonly filesChanged: number;
  readonly tokens: Tokens;
  /** US dollars; null when some call has no price. Rounded nowhere: nano-dollars / 1e9. */
  readonly costUsd: number | null;
  /** Id of the session it was forked from, if that one is known here. */
  readonly parent: string | null;
  readonly damagedLines: number;
  /** An event in the last 60 seconds. */
  readonly live: boolean;
  /** Null: local only. Otherwise the team it is shared with. */
  readonly sharedWith: string | null;
  /** Whose session: null is this machine's, else the member who shared it. */
  readonly owner: string | null;
  /** Id of the account that claimed it: it follows that account's links without being shared by hand. Null: none did. */
  readonly claimedBy: string | null;
}

export interface EventRow {
  readonly id: string;
  readonly lane: string | null;
  readonly kind: EventKind;
  readonly order: number;
  readonly at: number | null;
  readonly durationMs: number | null;
  readonly status: EventStatus | null;
  readonly model: string | null;
  readonly tool: string | null;
  /** One line: what the tool did, or the first line of a text (at most 200 characters). */
  readonly summary: string | null;
  readonly opens: string | null;
  readonly linesAdded: number | null;
  readonly linesRemoved: number | null;
  /** Paths its patch changed, as the agent named them. */
  readonly changed: readonly string[];
  readonly exitCode: number | null;
  readonly rolledBack: boolean;
  readonly tokens: Tokens | null;
  readonly costUsd: number | null;
  /** Which bodies there are; fetch them with `bodies`. Empty for a teammate's event. */
  readonly parts: readonly Part["name"][];
  /** Total bytes of those bodies. */
  readonly partBytes: number;
}

/** A prompt to its final response, with all between (`base/traces.ts`); trace 0 holds what came before the first prompt. */
export interface TraceRow {
  readonly index: number;
  readonly prompt: string | null;
  readonly events: readonly string[];
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly tools: number;
  readonly tokens: Tokens;
  readonly costUsd: number | null;
}

export interface SearchHit {
  readonly session: string;
  readonly sessionTitle: string | null;
  readonly event: string | null;
  readonly decision: string | null;
  readonly kind: EventKind | "decision";
  readonly at: number | null;
  /** Plain text; matches stand between U+0002 and U+0003. */
  readonly snippet: string;
}

export interface SearchAnswer {
  /** The best first; of filters alone the newest. */
  readonly hits: readonly SearchHit[];
  /** What of the query was understood as filters. */
  readonly filters: readonly { readonly name: string; readonly value: string }[];
  /** What was looked for in place of words that are nowhere here. Null: what was asked. */
  readonly instead: string | null;
}

export type UsageBy = "session" | "day" | "model" | "project" | "agent";

export interface UsageRow {
  readonly agent?: AgentId;
  readonly session?: string;
  readonly sourceId?: string;
  readonly day?: string;
  readonly model?: string;
  readonly project?: string;
  readonly calls: number;
  readonly tokens: Tokens;
  readonly costUsd: number | null;
}

export interface ImportReport {
  readonly sessions: number;
  readonly events: number;
  readonly files: number;
  /** Read in this run. */
  readonly bytes: number;
  readonly unchanged: number;
  readonly partial: readonly {
    readonly file: string;
    readonly reason: string;
    readonly lines?: readonly number[];
  }[];
  readonly ms: number;
  /** Of `ms`: until all sessions could be listed and opened; the rest made them searchable. */
  readonly visibleMs?: number;
}

export interface Progress {
  readonly done: number;
  readonly total: number;
  readonly what: string;
}

export interface DecisionRow extends DecisionRecord {
  /** Null: local only. */
  readonly team: string | null;
  readonly waiting: boolean;
}

export interface ProjectRow {
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly sessions: number;
  readonly team: string | null;
}

export interface TeamRow {
  readonly id: string;
  readonly name: string;
  readonly role: "owner" | "admin" | "member";
}

/** A team as its members' signed log says it is. */
export interface TeamDetail extends TeamRow {
  /** Whoever reads the same to somebody of the team sees the same people in it. They change with each entry of the log. */
  readonly words: readonly string[];
  /** When something of others last came here: silence and a server that holds back look alike. Null: never. */
  readonly heardAt: number | null;
  /** The number of the newest entry. */
  readonly entry: number;
  /** The number of the key in use. */
  readonly epoch: number;
  /** Somebody is gone, and the next device that connects makes a new key. */
  readonly keyDue: boolean;
  readonly members: readonly TeamMember[];
  /** Those that can still be used. */
  readonly invites: readonly {
    readonly id: string;
    readonly admits: "own" | "admin" | "member";
    /** E-mail address of who made it. */
    readonly by: string;
    readonly expiresAt: number;
  }[];
}

export interface TeamMember {
  readonly id: string;
  readonly role: TeamRow["role"];
  readonly you: boolean;
  readonly email: string;
  readonly devices: readonly {
    readonly id: string;
    readonly name: string;
    readonly kind: "ordinary" | "ephemeral" | "recovery";
    /** This one. */
    readonly here: boolean;
    /** Null: it stays. */
    readonly expiresAt: number | null;
  }[];
}

export type SyncState =
  | { readonly state: "local" }
  | {
      readonly state: "offline";
      readonly since: number;
      readonly waiting: number;
      readonly reason: string;
    }
  | {
      readonly state: "syncing";
      readonly waiting: number;
      /** Documents, when there is much to read: a new device of a large team. */
      readonly progress: { readonly done: number; readonly total: number } | null;
    }
  | { readonly state: "verified"; readonly at: number; readonly waiting: number }
  | { readonly state: "alarm"; readonly alarms: readonly AlarmRow[]; readonly waiting: number };

/** What the server gave could not be verified. */
export interface AlarmRow {
  readonly id: string;
  /** What happened, what it means, what to do. */
  readonly words: string;
  readonly at: number;
  /**
   * acknowledge: it is over, and can be put away. restart: a stream stands still until the server shows its history again, or a
   * person decides to go on with the one it has. null: it lasts, and only the server can end it.
   */
  readonly action: "acknowledge" | "restart" | null;
}

export interface Status {
  readonly version: string;
  readonly profile: string;
  readonly dataFolder: string;
  readonly account: string | null;
  readonly teams: readonly TeamRow[];
  readonly capturing: readonly AgentId[];
  readonly capture: {
    readonly state: "idle" | "importing" | "watching";
    readonly progress: Progress | null;
  };
  readonly sync: SyncState;
  readonly sessions: number;
  /** True when this engine stays until a person ends it; absent or false when it ends with its command. */
  readonly stays?: boolean;
  /** Sentences a person should know: of a database that was set aside, of what cannot be watched. */
  readonly notices: readonly string[];
}

export interface SyncReport {
  readonly pushed: number;
  readonly pulled: number;
  /** Newest verified number over all streams, by stream. */
  readonly head: Readonly<Record<string, number>>;
  readonly verified: boolean;
  readonly alarms: readonly string[];
  /** A sentence for each team that could not be synced while others were. */
  readonly failed: readonly string[];
}

export interface SessionFilter {
  readonly agent?: AgentId;
  readonly project?: string;
  /** Milliseconds since the epoch. */
  readonly since?: number;
  /** Words in the title, project or agent. */
  readonly text?: string;
  readonly limit?: number;
  readonly offset?: number;
}

/** Filters hold before the limit does. A decision is in no session: of these only `since` can let one through. */
export interface SearchInput {
  /** Words, "phrases" and filters: see `store/search/query.ts`. */
  readonly query: string;
  readonly session?: string;
  readonly agent?: AgentId;
  /** Id, a beginning of one, path or name. */
  readonly project?: string;
  /** Milliseconds since the epoch: sessions that were active, and decisions that were written, then or later. */
  readonly since?: number;
  readonly limit?: number;
}

export interface DoctorRow {
  readonly check: string;
  readonly state: "ok" | "warn" | "error";
  readonly detail: string;
}

export interface DecisionInput {
  readonly title?: string;
  readonly status?: DecisionStatus;
  readonly date?: string;
  readonly deciders?: string;
  readonly context?: string;
  readonly drivers?: string;
  readonly outcome?: string;
  readonly consequences?: string;
  readonly tags?: string;
  readonly reviewBy?: string;
}

export interface Api {
  status(): Status;
  /** `home`: look for the agents' files under that folder in this run. `paths`: read only these files and folders. */
  import(input: { readonly paths?: readonly string[]; readonly home?: string }): ImportReport;
  sessions(input: SessionFilter): { readonly rows: readonly SessionRow[]; readonly total: number };
  session(input: { readonly id: string }): SessionRow;
  /** Events changed after revision `since` (0: all), in reading order of their lanes; `removed`: taken back since. */
  events(input: { readonly session: string; readonly since?: number }): {
    readonly events: readonly EventRow[];
    readonly removed: readonly string[];
    readonly rev: number;
  };
  traces(input: { readonly session: string }): readonly TraceRow[];
  bodies(input: {
    readonly session: string;
    readonly events: readonly string[];
  }): Readonly<Record<string, readonly Part[]>>;
  search(input: SearchInput): SearchAnswer;
  /** `zone`: whose days they are, by an IANA name; UTC when left out. */
  usage(input: {
    readonly by: readonly UsageBy[];
    readonly session?: string;
    readonly zone?: string;
  }): {
    readonly rows: readonly UsageRow[];
    readonly totals: UsageRow;
  };
  projects(): readonly ProjectRow[];
  linkProject(input: { readonly project: string; readonly team: string }): ProjectRow;
  unlinkProject(input: { readonly project: string }): ProjectRow;
  decisions(): readonly DecisionRow[];
  decision(input: { readonly id: string }): DecisionRow;
  /** Without a date: today where the engine is. */
  newDecision(
    input: DecisionInput & { readonly team?: string; readonly project?: string },
  ): DecisionRow;
  /** The text of a file in the form of MADR, as a new record. `notes`: sentences on what in it was not understood. */
  importDecision(input: {
    readonly text: string;
    readonly team?: string;
    readonly project?: string;
  }): { readonly decision: DecisionRow; readonly notes: readonly string[] };
  /** Each given field becomes the text by the smallest difference. */
  editDecision(input: DecisionInput & { readonly id: string }): DecisionRow;
  signup(input: Credentials): { readonly account: string; readonly claimed: number };
  login(input: Credentials): { readonly account: string; readonly claimed: number };
  logout(): null;
  /** Ends the account's sessions on all devices. */
  logoutEverywhere(): null;
  /** The account's, which ends its sessions on other devices. `current`: the one that it has. */
  setPassword(input: { readonly current: string; readonly password: string }): null;
  /** A new one each time: six words, 66 bits. Nothing keeps it. */
  suggestPassphrase(): { readonly passphrase: string };
  createTeam(input: { readonly name: string; readonly passphrase: string }): {
    readonly team: string;
    readonly invite: string;
    readonly teamSecret: string;
  };
  /** Wherever a team may be named and is not: the only one there is. */
  inviteToTeam(input: {
    readonly email: string;
    readonly team?: string;
    readonly role?: "admin" | "member";
  }): {
    readonly invite: string;
  };
  team(input: { readonly team?: string }): TeamDetail;
  /** `whom`: the e-mail address or id of a member, the name or id of a device; ids by their beginning. */
  removeFromTeam(input: { readonly whom: string; readonly team?: string }): TeamDetail;
  /** A new key for those who are there. Without a passphrase, the one in use stays. */
  rotateTeam(input: { readonly passphrase?: string; readonly team?: string }): TeamDetail;
  /** The same key behind another passphrase. */
  changePassphrase(input: { readonly passphrase: string; readonly team?: string }): TeamDetail;
  /** What is here stays here. `told`: false for who was out of it already. */
  leaveTeam(input: { readonly team?: string }): { readonly told: boolean };
  /** Nobody is told: of a team that cannot be left, this device lets go. What is here stays here, but its keys. */
  forgetTeam(input: { readonly team: string }): null;
  giveRole(input: {
    readonly whom: string;
    readonly role: TeamRow["role"];
    readonly team?: string;
  }): TeamDetail;
  /** One of one's own. */
  renameDevice(input: {
    readonly device: string;
    readonly name: string;
    readonly team?: string;
  }): TeamDetail;
  takeBackInvite(input: { readonly invite: string; readonly team?: string }): TeamDetail;
  /** Shown once: sixty letters and digits to print. */
  recoveryKit(input: { readonly team?: string }): { readonly kit: string };
  /** Of an owner or admin who has found out that a snapshot somebody disputed is right. */
  vouch(input: { readonly team?: string }): { readonly vouched: number };
  restoreTeam(input: { readonly kit: string }): { readonly team: string };
  joinTeam(input: { readonly invite: string; readonly passphrase: string }): {
    readonly team: string;
  };
  teams(): readonly TeamRow[];
  share(input: { readonly sessions: readonly string[] }): { readonly shared: number };
  /** From now on they are on this machine only; the team's devices let them go when they next sync. */
  unshare(input: { readonly sessions: readonly string[] }): { readonly withdrawn: number };
  sync(): SyncReport;
  alarms(): readonly AlarmRow[];
  acknowledgeAlarm(input: { readonly id: string }): readonly AlarmRow[];
  /** What the server lacks of what is here is sent again. */
  restartAfterAlarm(input: { readonly id: string }): readonly AlarmRow[];
  doctor(): readonly DoctorRow[];
  /** A fresh address of the interface, good for one use. Only for those who can open the engine's socket in the profile. */
  address(): { readonly url: string };
  stop(): null;
}

/** Somebody else who has a document open now: one row a person, with the place where they moved last. */
export interface HereRow {
  readonly member: string;
  /** Empty when the team's log does not say it. */
  readonly email: string;
  /** The person here, at another device. */
  readonly you: boolean;
  readonly devices: number;
  readonly field: string | null;
  /** In the field's text, as `Y.encodeRelativePosition` gives it, base64. */
  readonly caret: { readonly anchor: string; readonly head: string } | null;
}

export interface Credentials {
  readonly url: string;
  readonly key: string;
  readonly email: string;
  readonly password: string;
}

/** What the engine tells without being asked. */
export type Push =
  | { readonly topic: "status"; readonly status: Status }
  | { readonly topic: "sessions"; readonly ids: readonly string[] }
  | { readonly topic: "session"; readonly id: string; readonly rev: number }
  | { readonly topic: "decisions"; readonly ids: readonly string[] }
  | { readonly topic: "progress"; readonly call: number; readonly progress: Progress };

export type Method = keyof Api;
export type Input<M extends Method> = Parameters<Api[M]> extends [infer I] ? I : undefined;
export type Output<M extends Method> = ReturnType<Api[M]>;

/** What both hosts give: call a method, hear what is pushed. Rejects with `FaultError`. */
export interface ApiClient {
  call<M extends Method>(
    method: M,
    input: Input<M>,
    onProgress?: (progress: Progress) => void,
  ): Promise<Output<M>>;
  subscribe(listener: (push: Push) => void): () => void;
}
