/**
 * Expected failure is a value, a bug throws.
 *
 * A `Fault` is a failure a person can do something about: `type` is for code, `message` is the sentence
 * shown (what happened, what it means for the data, what to do).
 */
export interface Fault<T extends string = string> {
  readonly type: T;
  readonly message: string;
}

export type Result<T, F extends Fault = Fault> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly fault: F };

export function ok<T>(value: T): Result<T, never> {
  return { ok: true, value };
}

export function fail<T extends string>(type: T, message: string): Result<never, Fault<T>> {
  return { ok: false, fault: { type, message } };
}

/** A `Fault` on its way through code that throws (callbacks, transactions, the api). Caught where a sentence is shown. */
export class FaultError extends Error {
  readonly fault: Fault;

  constructor(fault: Fault) {
    super(fault.message);
    this.name = "FaultError";
    this.fault = fault;
  }
}

export function raise(type: string, message: string): never {
  throw new FaultError({ type, message });
}

export function unwrap<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw new FaultError(result.fault);
}

/** Closes a switch over a union: a new member is then a type error here. */
export function never(value: never): never {
  throw new Error(`unexpected ${JSON.stringify(value)}`);
}
