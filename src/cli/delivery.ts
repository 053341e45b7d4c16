/** What an export leaves behind: text on standard output, or a file; and what an import is given. */
import { readFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { raise } from "../base/result.ts";
import { UsageError, type CommandContext } from "./command.ts";
import { print, say } from "./output.ts";

export const DELIVERY = {
  format: { type: "string" },
  out: { type: "string" },
  force: { type: "boolean" },
} as const;

/** The format asked for; without a usual one it must be named. */
export function formatOf<F extends string>(
  context: CommandContext,
  formats: readonly F[],
  usual: F | null = null,
): F {
  const asked = context.option("format") ?? usual;
  const found = formats.find((format) => format === asked);
  if (found !== undefined) return found;
  const choice = `choose ${formats.length > 1 ? "one of " : ""}${formats.join(", ")}`;
  throw new UsageError(
    asked === null
      ? `--format is missing: ${choice}.`
      : `There is no format "${asked}": ${choice}.`,
  );
}

/** A file that is there stays as it is, unless `--force` says otherwise. */
export async function deliver(context: CommandContext, text: string): Promise<void> {
  const out = context.option("out");
  if (out === null) {
    print(text.replace(/\n$/, ""));
    return;
  }
  const path = resolve(out);
  try {
    await writeFile(path, text, { flag: context.flag("force") ? "w" : "wx" });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST")
      raise("file-there", `${path} is there already, and was left as it is. --force replaces it.`);
    if (code === "ENOENT" || code === "ENOTDIR")
      raise("no-file", `There is no folder for ${path}. Nothing was written.`);
    if (code === "EISDIR") raise("no-file", `${path} is a folder. Nothing was written.`);
    throw error;
  }
  say(`Written to ${path}.`);
}

export async function readGiven(file: string): Promise<string> {
  const path = resolve(file);
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR")
      raise("no-file", `There is no file ${path}. Nothing was saved.`);
    if (code === "EISDIR") raise("no-file", `${path} is a folder. Nothing was saved.`);
    throw error;
  }
}
