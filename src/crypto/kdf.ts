/**
 * From what a person types to a key that opens the team's key record.
 *
 * The parameters come from a server, so the client holds them between a floor (a weak record would let the server try
 * passphrases cheaply) and a ceiling (a strong one would stop the machine).
 */
import { type Bytes, utf8 } from "../base/bytes.ts";
import type { Random } from "../base/random.ts";
import { fail, ok, type Result } from "../base/result.ts";
import { Secret } from "../base/secret.ts";
import { deriveKey, KEY_BYTES } from "./hash.ts";
import { sodium } from "./sodium.ts";

export const SALT_BYTES = 16;
export const TEAM_SECRET_BYTES = 16;

const MiB = 1024 * 1024;

/** Argon2id's parameters: passes, memory and salt (16 bytes). One lane. */
export interface Kdf {
  readonly ops: number;
  readonly memoryKiB: number;
  readonly salt: Bytes;
}

export interface KdfLimits {
  readonly minOps: number;
  readonly maxOps: number;
  readonly minMemoryKiB: number;
  readonly maxMemoryKiB: number;
}

export const KDF_LIMITS: KdfLimits = {
  minOps: 3,
  maxOps: 10,
  minMemoryKiB: (256 * MiB) / 1024,
  maxMemoryKiB: (1024 * MiB) / 1024,
};

/** Fresh parameters at the floor: about a second of work. */
export function newKdf(random: Random, limits: KdfLimits = KDF_LIMITS): Kdf {
  return { ops: limits.minOps, memoryKiB: limits.minMemoryKiB, salt: random(SALT_BYTES) };
}

/** What Argon2id makes of a passphrase, and how: enough to wrap new keys without asking for it again. */
export interface Stretched {
  readonly kdf: Kdf;
  /** 32 bytes. */
  readonly key: Secret<Bytes>;
}

/**
 * The passphrase (NFKC), stretched. Takes the memory and time that `kdf` says.
 * `limits` is for tests, which would otherwise spend a second each: it is an argument of the program, never data.
 */
export function stretch(
  passphrase: Secret<string>,
  kdf: Kdf,
  limits: KdfLimits = KDF_LIMITS,
): Result<Stretched> {
  if (!withinLimits(kdf, limits))
    return fail(
      "kdf-refused",
      "The server sent settings for the passphrase that this program does not accept, so nothing was opened or changed. Ask who runs the server.",
    );
  const stretched = sodium.crypto_pwhash(
    KEY_BYTES,
    utf8(passphrase.reveal().normalize("NFKC")),
    kdf.salt,
    kdf.ops,
    kdf.memoryKiB * 1024,
    sodium.crypto_pwhash_ALG_ARGON2ID13,
  ) as Bytes;
  return ok({ kdf, key: new Secret(stretched) });
}

/** With the team secret (16 bytes), the key-encryption key. */
export function deriveKek({ key }: Stretched, teamSecret: Secret<Bytes>): Secret<Bytes> {
  if (teamSecret.reveal().length !== TEAM_SECRET_BYTES)
    throw new RangeError("a team secret has 16 bytes");
  return deriveKey(key, "kek", teamSecret.reveal());
}

function withinLimits(kdf: Kdf, limits: KdfLimits): boolean {
  return (
    kdf.salt.length === SALT_BYTES &&
    kdf.ops >= limits.minOps &&
    kdf.ops <= limits.maxOps &&
    kdf.memoryKiB >= limits.minMemoryKiB &&
    kdf.memoryKiB <= limits.maxMemoryKiB
  );
}
