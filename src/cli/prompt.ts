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
  if (fromStdin) return new Secret((await lines(1))[0] as string);
  if (process.stdin.isTTY !== true) {
    throw new UsageError(
      `There is no terminal to ask for the ${flag.replace("-stdin", "")}: give it on standard input with --${flag}.`,
    );
  }
  process.stderr.write(question);
  const unseen = new Writable({ write: (_chunk, _encoding, done) => done() });
  const typed = createInterface({ input: process.stdin, output: unseen, terminal: true });
  try {
    return new Secret(await typed.question(""));
  } finally {
    typed.close();
    process.stderr.write("\n");
  }
}

/** As many, one line each. `questions`: what each is asked for with. */
export async function readSecrets(
  fromStdin: boolean,
  questions: readonly string[],
  flag: string,
): Promise<readonly Secret<string>[]> {
  if (fromStdin) return (await lines(questions.length)).map((line) => new Secret(line));
  const secrets: Secret<string>[] = [];
  for (const question of questions) secrets.push(await readSecret(false, question, flag));
  return secrets;
}

const MAX_LINE_BYTES = 4_096;

async function lines(count: number): Promise<readonly string[]> {
  let bytes = Buffer.alloc(0);
  for await (const chunk of process.stdin) {
    bytes = Buffer.concat([bytes, chunk as Buffer]);
    if (bytes.filter((byte) => byte === 10).length >= count) break;
    if (bytes.length > count * MAX_LINE_BYTES) break;
  }
  process.stdin.destroy();
  const read = bytes
    .toString("utf8")
    .split("\n", count)
    .map((line) => line.replace(/\r$/, ""));
  if (read.length < count || read.includes(""))
    throw new UsageError(
      count === 1
        ? "Standard input has no line to read."
        : `Standard input has no ${count} lines to read.`,
    );
  return read;
}
