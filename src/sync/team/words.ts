/** Why the log takes no such entry, to the person who wanted it: the log's own words are about an entry. */
import type { Fault } from "../../base/result.ts";

export function spoken({ type, message }: Fault): Fault {
  return { type, message: WORDS[type] ?? (ABOUT_ENTRIES.has(type) ? other(message) : message) };
}

const WORDS: Readonly<Record<string, string>> = {
  "log-rights":
    "Your role in this team does not allow that. Nothing was changed: ask an owner of the team.",
  "log-owner":
    "The team would be left without an owner who has a device, and nobody could lead it again. Nothing was changed: make somebody else an owner first.",
  "log-target":
    "The team has nothing of that name, or it is so already. Nothing was changed: operon team members shows how it is.",
  "log-time":
    "This machine's clock is more than a day off, and the team would not believe it. Nothing was changed: set the clock and try again.",
};

const ABOUT_ENTRIES: ReadonlySet<string> = new Set([
  "log-author",
  "log-device",
  "log-epoch",
  "log-place",
  "log-signature",
]);

function other(message: string): string {
  return `The team does not take this: ${message}. Nothing was changed.`;
}
