/** A relay, accounts and secrets in memory for tests of the cloud room. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Relay, startRelay } from "../../relay/server.ts";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { systemRandom } from "../../src/base/random.ts";
import { Secret } from "../../src/base/secret.ts";
import { unwrap } from "../../src/base/result.ts";
import { type Account, signUp } from "../../src/cloud/account.ts";
import { type Connection, connect } from "../../src/cloud/connection.ts";
import type { SecretStore } from "../../src/cloud/secret-store.ts";

export const PASSWORD = new Secret("correct horse battery");
export const PASSPHRASE = new Secret("ten green bottles hanging on a wall");
export interface TestServer extends Relay {
  readonly folder: string;
}

export async function startServer(): Promise<TestServer> {
  const folder = await mkdtemp(join(tmpdir(), "cloud-"));
  const relay = await startRelay({
    dataFolder: join(folder, "relay"),
    port: 0,
    host: "127.0.0.1",
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
  });
  return {
    ...relay,
    folder,
    async close() {
      await relay.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export function memorySecrets(): SecretStore & { readonly held: Map<string, string> } {
  const held = new Map<string, string>();
  return {
    held,
    get: async (name) => held.get(name) ?? null,
    set: async (name, value) => void held.set(name, value),
    delete: async (name) => void held.delete(name),
  };
}

export function connectTo(
  at: { url: string; anonKey: string },
  secrets = memorySecrets(),
  heartbeatMs = 10_000,
): Connection {
  return unwrap(
    connect({ url: at.url, key: at.anonKey, secrets, clock: systemClock, heartbeatMs }),
  );
}

export async function newAccount(
  at: { url: string; anonKey: string },
  email: string,
): Promise<{ connection: Connection; account: Account }> {
  const connection = connectTo(at);
  const account = unwrap(await signUp(connection, email, PASSWORD));
  return { connection, account };
}
