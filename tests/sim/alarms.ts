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
  "own-row-lost": / and then did not show /,
  /** Not an alarm but a notice: something is kept unread. */
  newer: / of a newer Operon /,
} as const;
export type AlarmKind = keyof typeof ALARMS;

/** Throws on a sentence that is none of them. */
export function kindOf(sentence: string): AlarmKind {
  for (const [kind, pattern] of Object.entries(ALARMS))
    if (pattern.test(sentence)) return kind as AlarmKind;
  throw new Error(`an alarm that the simulator does not know: ${sentence}`);
}
