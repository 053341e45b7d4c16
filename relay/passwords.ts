/** Passwords, kept as Argon2id in PHC string form: `$argon2id$v=19$m=…,t=…,p=1$salt$hash`. */
import { argon2 as argon2Callback, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import type { Random } from "../src/base/random.ts";
import { HttpError } from "./http.ts";

const argon2 = promisify(argon2Callback);

const MEMORY_KIB = 64 * 1024;
const PASSES = 3;
const TAG_BYTES = 32;
const SALT_BYTES = 16;
/** Each takes 64 MiB while it runs. */
const AT_ONCE = 2;
const WAITING_MAX = 100;

/** Both throw `HttpError` 429 when too many are waiting. */
export interface Passwords {
  hash(password: string): Promise<string>;
  /** `stored` null (no such account) takes the same time and answers false. */
  verify(password: string, stored: string | null): Promise<boolean>;
}

export function createPasswords(random: Random): Passwords {
  const limited = limit(AT_ONCE);

  async function derive(password: string, parameters: Parameters): Promise<Buffer> {
    return limited(() =>
      argon2("argon2id", {
        message: password,
        nonce: parameters.salt,
        memory: parameters.memoryKiB,
        passes: parameters.passes,
        parallelism: 1,
        tagLength: TAG_BYTES,
      }),
    );
  }

  return {
    async hash(password) {
      const parameters = { memoryKiB: MEMORY_KIB, passes: PASSES, salt: random(SALT_BYTES) };
      return format(parameters, await derive(password, parameters));
    },
    async verify(password, stored) {
      const known = parse(stored ?? NOBODY);
      const tag = await derive(password, known);
      return timingSafeEqual(tag, known.tag) && stored !== null;
    },
  };
}

interface Parameters {
  readonly memoryKiB: number;
  readonly passes: number;
  readonly salt: Uint8Array;
}

function format({ memoryKiB, passes, salt }: Parameters, tag: Uint8Array): string {
  return `$argon2id$v=19$m=${memoryKiB},t=${passes},p=1$${unpadded(salt)}$${unpadded(tag)}`;
}

const NOBODY = format(
  { memoryKiB: MEMORY_KIB, passes: PASSES, salt: new Uint8Array(SALT_BYTES) },
  new Uint8Array(TAG_BYTES),
);

function parse(text: string): Parameters & { readonly tag: Buffer } {
  const [, memory, passes, salt, tag] =
    /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=1\$([^$]+)\$([^$]+)$/.exec(text) ?? [];
  if (!memory || !passes || !salt || !tag) throw new Error("a stored password is not in PHC form");
  return {
    memoryKiB: Number(memory),
    passes: Number(passes),
    salt: Buffer.from(salt, "base64"),
    tag: Buffer.from(tag, "base64"),
  };
}

function unpadded(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64").replaceAll("=", "");
}

function limit(atOnce: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (waiting.length >= WAITING_MAX)
      throw new HttpError(429, {
        code: 429,
        error_code: "over_request_rate_limit",
        msg: "Request rate limit reached",
      });
    if (running >= atOnce) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}
