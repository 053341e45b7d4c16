/** The api as a table: what each method may be asked with. Everything that comes through a socket passes here first. */
import * as v from "valibot";
import { isZone } from "../base/days.ts";
import { AGENT_IDS } from "../base/session.ts";
import { raise } from "../base/result.ts";
import type { DecisionStatus } from "../crdt/decision.ts";
import type { Api, Input, Method, Output, Progress, UsageBy } from "./api.ts";

export interface CallContext {
  readonly onProgress: (progress: Progress) => void;
  /** True for a caller who can open the profile's own socket (or is this process), false for a page. */
  readonly local: boolean;
}

export type Handlers = {
  readonly [M in Method]: (input: Input<M>, context: CallContext) => Output<M> | Promise<Output<M>>;
};

/** Checks the input and calls. Throws `FaultError` "bad-input" for a method or an input that is not of the api. */
export async function dispatch(
  handlers: Handlers,
  method: string,
  input: unknown,
  context: CallContext,
): Promise<unknown> {
  if (!Object.hasOwn(INPUTS, method) || (LOCAL_ONLY.has(method) && !context.local)) {
    raise("bad-input", `There is no method "${method}" here. Nothing was done.`);
  }
  const parsed = v.safeParse(INPUTS[method as Method] as v.GenericSchema, input);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    const where = v.getDotPath(issue);
    raise(
      "bad-input",
      `${method}${where === null ? "" : `: ${where}`}: ${issue.message}. Nothing was done.`,
    );
  }
  const handler = handlers[method as Method] as (input: unknown, context: CallContext) => unknown;
  return handler(parsed.output, context);
}

/** A page that holds the cookie can do what a person does in it, but not hand out further addresses or end the engine. */
const LOCAL_ONLY: ReadonlySet<string> = new Set<Method>(["address", "stop"]);

const USAGE_BY = [
  "session",
  "day",
  "model",
  "project",
  "agent",
] as const satisfies readonly UsageBy[];

const nothing = v.undefined();
/** An id, a unique beginning of one, or a name: short. */
const name = v.pipe(v.string(), v.minLength(1), v.maxLength(4_096));
const prose = v.pipe(v.string(), v.maxLength(1_000_000));
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
/** Not named: the only one there is. */
const ofTeam = { team: v.exactOptional(name) };
const passphrase = v.pipe(v.string(), v.minLength(1), v.maxLength(1_024));

const decisionFields = {
  title: v.exactOptional(prose),
  // Which ones there are, the document says, in a sentence.
  status: v.exactOptional(v.custom<DecisionStatus>((value) => typeof value === "string")),
  date: v.exactOptional(prose),
  deciders: v.exactOptional(prose),
  context: v.exactOptional(prose),
  drivers: v.exactOptional(prose),
  outcome: v.exactOptional(prose),
  consequences: v.exactOptional(prose),
  tags: v.exactOptional(prose),
  reviewBy: v.exactOptional(prose),
};

const credentials = v.strictObject({ url: name, key: name, email: name, password: passphrase });

const INPUTS: { readonly [M in Method]: v.GenericSchema<unknown, Input<M>> } = {
  status: nothing,
  import: v.strictObject({ paths: v.exactOptional(v.array(name)), home: v.exactOptional(name) }),
  sessions: v.strictObject({
    agent: v.exactOptional(v.picklist(AGENT_IDS)),
    project: v.exactOptional(name),
    since: v.exactOptional(v.number()),
    text: v.exactOptional(prose),
    limit: v.exactOptional(count),
    offset: v.exactOptional(count),
  }),
  session: v.strictObject({ id: name }),
  events: v.strictObject({ session: name, since: v.exactOptional(count) }),
  traces: v.strictObject({ session: name }),
  bodies: v.strictObject({ session: name, events: v.pipe(v.array(name), v.maxLength(5_000)) }),
  search: v.strictObject({
    query: prose,
    session: v.exactOptional(name),
    agent: v.exactOptional(v.picklist(AGENT_IDS)),
    project: v.exactOptional(name),
    since: v.exactOptional(v.number()),
    limit: v.exactOptional(count),
  }),
  usage: v.strictObject({
    by: v.array(v.picklist(USAGE_BY)),
    session: v.exactOptional(name),
    zone: v.exactOptional(v.pipe(name, v.check(isZone, "this is no time zone known here"))),
  }),
  projects: nothing,
  linkProject: v.strictObject({ project: name, team: name }),
  unlinkProject: v.strictObject({ project: name }),
  decisions: nothing,
  decision: v.strictObject({ id: name }),
  newDecision: v.strictObject({
    ...decisionFields,
    team: v.exactOptional(name),
    project: v.exactOptional(name),
  }),
  importDecision: v.strictObject({
    text: prose,
    team: v.exactOptional(name),
    project: v.exactOptional(name),
  }),
  editDecision: v.strictObject({ ...decisionFields, id: name }),
  signup: credentials,
  login: credentials,
  logout: nothing,
  logoutEverywhere: nothing,
  setPassword: v.strictObject({ current: passphrase, password: passphrase }),
  suggestPassphrase: nothing,
  createTeam: v.strictObject({ name, passphrase }),
  inviteToTeam: v.strictObject({
    email: name,
    ...ofTeam,
    role: v.exactOptional(v.picklist(["admin", "member"])),
  }),
  team: v.strictObject(ofTeam),
  removeFromTeam: v.strictObject({ whom: name, ...ofTeam }),
  rotateTeam: v.strictObject({ passphrase: v.exactOptional(passphrase), ...ofTeam }),
  changePassphrase: v.strictObject({ passphrase, ...ofTeam }),
  leaveTeam: v.strictObject(ofTeam),
  forgetTeam: v.strictObject({ team: name }),
  giveRole: v.strictObject({
    whom: name,
    role: v.picklist(["owner", "admin", "member"]),
    ...ofTeam,
  }),
  renameDevice: v.strictObject({ device: name, name, ...ofTeam }),
  takeBackInvite: v.strictObject({ invite: name, ...ofTeam }),
  recoveryKit: v.strictObject(ofTeam),
  vouch: v.strictObject(ofTeam),
  restoreTeam: v.strictObject({ kit: name }),
  joinTeam: v.strictObject({ invite: name, passphrase }),
  teams: nothing,
  share: v.strictObject({ sessions: v.array(name) }),
  unshare: v.strictObject({ sessions: v.array(name) }),
  sync: nothing,
  alarms: nothing,
  acknowledgeAlarm: v.strictObject({ id: name }),
  restartAfterAlarm: v.strictObject({ id: name }),
  doctor: nothing,
  address: nothing,
  stop: nothing,
} satisfies Record<keyof Api, unknown>;
