/** What a command is, and what it is given. */
import type { ParseArgsOptionsConfig } from "node:util";
import type { Reached } from "../app/client.ts";
import type { Profile } from "../app/paths.ts";
import type { Input, Method, Output } from "../app/api.ts";

export interface Command {
  /** After "operon ", one line a form. */
  readonly usage: readonly string[];
  /** What it does, for `--help`. */
  readonly about: string;
  readonly options: ParseArgsOptionsConfig;
  /** Answers the exit code. Throws `FaultError` (exit 1) and `UsageError` (exit 2). */
  run(context: CommandContext): Promise<number>;
}

export interface CommandContext {
  readonly args: readonly string[];
  /** A text option; null when it was not given. */
  option(name: string): string | null;
  flag(name: string): boolean;
  readonly json: boolean;
  /** Absolute; null: the user's own. */
  readonly home: string | null;
  readonly profile: Profile;
  /** Aborted by Ctrl-C or a request to end. */
  readonly signal: AbortSignal;
  /** The profile's engine, running or in this process for as long as the command runs. */
  reach(): Promise<Reached>;
  /** After `reach` was closed: the next `reach` begins anew. */
  forget(): void;
  /** One call, with progress on a terminal. */
  call<M extends Method>(method: M, input: Input<M>): Promise<Output<M>>;
}

/** Asked for wrongly: exit 2. */
export class UsageError extends Error {}

/** The one positional argument that there must be. */
export function onlyArgument(context: CommandContext, what: string): string {
  const [first, ...more] = context.args;
  if (first === undefined) throw new UsageError(`${what} is missing.`);
  if (more.length > 0) throw new UsageError(`One ${what} is expected, not ${context.args.length}.`);
  return first;
}

export function noArguments(context: CommandContext): void {
  if (context.args.length > 0) throw new UsageError(`"${context.args[0]}" is not understood here.`);
}

export function neededOption(context: CommandContext, name: string): string {
  const value = context.option(name);
  if (value === null || value === "") throw new UsageError(`--${name} is missing.`);
  return value;
}

/** Of a command with parts ("team create"): the part's name, and the context without it. */
export function part(
  context: CommandContext,
  parts: readonly string[],
): readonly [string, CommandContext] {
  const [name, ...args] = context.args;
  if (name === undefined || !parts.includes(name)) {
    throw new UsageError(
      `${name === undefined ? "Say what to do" : `"${name}" is not understood`}: ${parts.join(", ")}.`,
    );
  }
  return [name, { ...context, args }];
}
