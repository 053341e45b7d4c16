/** Starts, kills and looks into relays that run as processes of their own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { PGlite } from "@electric-sql/pglite";
import { join } from "node:path";

export interface RelayProcess {
  readonly url: string;
  readonly anonKey: string;
  readonly process: ChildProcess;
  /** kill -9 by default; answers when the process is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export async function spawnRelay(folder: string, port = 0): Promise<RelayProcess> {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL("serve.ts", import.meta.url)), folder, String(port)],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const gone = once(child, "exit");
  const line = await Promise.race([
    once(createInterface(child.stdout), "line"),
    gone.then(() => Promise.reject(new Error("the relay ended before it was ready"))),
  ]);
  const { url, anonKey } = JSON.parse(String(line[0])) as { url: string; anonKey: string };
  return {
    url,
    anonKey,
    process: child,
    async stop(signal = "SIGKILL") {
      child.kill(signal);
      await gone;
    },
  };
}

/**
 * Everything a stopped relay holds: each table's rows as text and as raw bytes, and its log, in one buffer. A text or
 * byte sequence that the relay knows in whatever column is found in it; bytes also stand there as hex and base64.
 */
export async function dumpRelay(folder: string): Promise<Buffer> {
  const db = await PGlite.create(join(folder, "db"));
  try {
    const tables = await db.query<{ name: string }>(
      "select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema')",
    );
    const parts: Buffer[] = [];
    for (const { name } of tables.rows) {
      const { rows } = await db.query<Record<string, unknown>>(`select * from ${name}`);
      for (const value of rows.flatMap((row) => Object.values(row))) parts.push(...formsOf(value));
    }
    if (existsSync(`${folder}.log`)) parts.push(readFileSync(`${folder}.log`));
    return Buffer.concat(parts.flatMap((part) => [part, Buffer.from("\n")]));
  } finally {
    await db.close();
  }
}

function formsOf(value: unknown): readonly Buffer[] {
  if (value instanceof Uint8Array) {
    const bytes = Buffer.from(value);
    return [bytes, Buffer.from(bytes.toString("hex")), Buffer.from(bytes.toString("base64"))];
  }
  return [Buffer.from(typeof value === "string" ? value : (JSON.stringify(value) ?? ""))];
}
