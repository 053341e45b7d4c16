/** The alarms by what their sentences say: the simulator hears what a person hears. */
export const ALARMS = {
  refused: /refused: /,
  replayed: / a second time\. /,
  withheld: / came without the ones before/,
  fork: /^The server shows .* another history /,
  hole: / left out rows /,
  rollback: / it was set back\. /,
  history: / is not the one this device verified /,
  gone: / no longer shows /,
  disputed: /^A snapshot of .*, is not what /,
  deleted: /^The server deleted rows of /,
  unattested: / and no other device attested\. /,
  "own-row-lost": / and then did not show /,
  "no-key": / under the team's key number /,
  "log-fork": / two histories of this team /,
  "log-rollback": / an older state of this team /,
  /** Not alarms but why nothing works. */
  removed: /^This device is not in the team, or not any more/,
  "no-keys": / does not give this device the team's newest keys/,
  "key-box": /^The keys that the server gave for this device are not the team's/,
  "epoch-record": / does not give the team's older keys as they were made/,
  "key-record": /^The server sent a key record this version/,
  refusing:
    / keeps refusing this device's rows| takes no rows under the team's newest key| waits for the team's key number /,
  /** A notice: something is kept unread. */
  newer: / of a newer Operon /,
} as const;
export type AlarmKind = keyof typeof ALARMS;

/** Throws on a sentence that is none of them. */
export function kindOf(sentence: string): AlarmKind {
  for (const [kind, pattern] of Object.entries(ALARMS))
    if (pattern.test(sentence)) return kind as AlarmKind;
  throw new Error(`an alarm that the simulator does not know: ${sentence}`);
}

/** Why a device could not sync that is neither its network's nor its own machine's matter. */
export function isAboutTeam(reason: string): boolean {
  return Object.values(ALARMS).some((pattern) => pattern.test(reason));
}
