/** A secret from standard input: its first line when asked by a flag, else typed unseen on a terminal. */
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { Secret } from "../base/secret.ts";
import { UsageError } from "./command.ts";

/** `flag` names the option that would have read it from standard input. Throws `UsageError` when there is nobody to ask. */
export async function readSecret(
  fromStdin: boolean,
  question: string,
  flag: string,
): Promise<Secret<string>> {
  if (fromStdin) return new Secret(await firstLine());
  if (process.stdin.isTTY !== true) {
    throw new UsageError(
      `There is no terminal to ask for the ${flag.replace("-stdin", "")}: give it on standard input with --${flag}.`,
    );
  }
  process.stderr.write(question);
  const unseen = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: unseen, terminal: true });
  try {
    return new Secret(await lines.question(""));
  } finally {
    lines.close();
    process.stderr.write("\n");
  }
}

const MAX_LINE_BYTES = 4_096;

async function firstLine(): Promise<string> {
  let bytes = Buffer.alloc(0);
  for await (const chunk of process.stdin) {
    bytes = Buffer.concat([bytes, chunk as Buffer]);
    if (bytes.includes(10) || bytes.length > MAX_LINE_BYTES) break;
  }
  process.stdin.destroy();
  const line = bytes.toString("utf8").split("\n", 1)[0]?.replace(/\r$/, "") ?? "";
  if (line === "") throw new UsageError("Standard input has no line to read.");
  return line;
}
