/**
 * Is it the machine? A database that lacks open files or rights ends with the same words as one that lacks its own
 * files, so both are looked at before anything is held against the database.
 */
import { accessSync, closeSync, constants, openSync, readdirSync } from "node:fs";
import { devNull } from "node:os";
import { join } from "node:path";

/** More than a start and what follows it need at once. */
const FILES_TO_START = 64;

/** Throws what the file system says: EMFILE, ENFILE, EACCES, EPERM. */
export function checkMachine(database: string): void {
  openSome();
  accessSync(database, constants.R_OK | constants.W_OK | constants.X_OK);
  for (const name of readdirSync(database, { recursive: true }))
    accessSync(join(database, String(name)), constants.R_OK | constants.W_OK);
}

function openSome(): void {
  const opened: number[] = [];
  try {
    while (opened.length < FILES_TO_START) opened.push(openSync(devNull, "r"));
  } finally {
    for (const descriptor of opened) closeSync(descriptor);
  }
}
