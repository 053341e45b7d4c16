/**
 * A log for people who look for a fault. It goes to standard error or a file, never to a server, and takes no
 * transcript text: `fields` hold ids, counts, sizes and reasons.
 */
export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFields = Readonly<Record<string, string | number | boolean | null>>;
export type Log = (level: LogLevel, event: string, fields?: LogFields) => void;

export const silentLog: Log = () => {};
