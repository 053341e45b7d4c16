/** What can go wrong with a server, each as a sentence for a person. `host` is the server's name and port. */
import { isAuthApiError, isAuthError } from "@supabase/supabase-js";
import type { Fault } from "../base/result.ts";

/** Thrown by `fetch` (see `connection.ts`); supabase-js passes on nothing of it but the message. */
const UNREACHABLE = "operon: unreachable";
const BROKEN = "operon: server error";
const NONSENSE = "operon: not an answer";
const TOO_OFTEN = "operon: asked too often";
const TOO_LARGE = "operon: too large an answer";

export const troubles = {
  unreachable: UNREACHABLE,
  broken: BROKEN,
  nonsense: NONSENSE,
  tooOften: TOO_OFTEN,
  tooLarge: TOO_LARGE,
} as const;

export function unreachable(host: string): Fault {
  return {
    type: "no-network",
    message: `${host} cannot be reached. Everything is kept on this machine and nothing is lost: check the network and the address, and try again.`,
  };
}

function broken(host: string): Fault {
  return {
    type: "server-failed",
    message: `${host} has a fault of its own and did not do what was asked. Nothing here was changed: try again later, or tell who runs the server.`,
  };
}

function tooOften(host: string): Fault {
  return {
    type: "too-often",
    message: `${host} was asked too often. Nothing was changed: wait five minutes and try again.`,
  };
}

export function nonsense(host: string): Fault {
  return {
    type: "nonsense",
    message: `${host} answered something that is neither Supabase nor an Operon relay, so it was ignored and nothing was changed. Check the address (--url).`,
  };
}

function tooLarge(host: string): Fault {
  return {
    type: "answer-too-large",
    message: `${host} answered more than this program ever asks for, so it was cut off and ignored. Nothing here was changed: tell who runs the server.`,
  };
}

export function signedOut(host: string): Fault {
  return {
    type: "signed-out",
    message: `This machine is not signed in to ${host}. Everything local stays as it is: run "operon login", and syncing goes on.`,
  };
}

const ACCOUNT_FAULTS: Readonly<Record<string, (host: string) => string>> = {
  invalid_credentials: (host) =>
    `This e-mail address and password do not belong to an account on ${host}. Check both and try again, or make an account with "operon signup".`,
  user_already_exists: (host) =>
    `There is already an account with this e-mail address on ${host}. Sign in with "operon login".`,
  current_password_invalid: (host) =>
    `This is not the account's password on ${host} so far. Nothing was changed: check it and try again.`,
  same_password: () =>
    "The new password is the one that the account has. Nothing was changed: take another one.",
  weak_password: () =>
    "The server refuses this password as too weak. Nothing was made or changed: take a longer one (at least 8 characters).",
  email_address_invalid: () =>
    "This is not an e-mail address the server accepts. Nothing was made: check it and try again.",
  email_not_confirmed: () =>
    "The e-mail address is not confirmed yet. Follow the link in the mail the server sent, then sign in.",
  signup_disabled: (host) => `${host} takes no new accounts. Ask who runs it.`,
};

const WRONG_PASSWORD = new Set(["invalid_credentials", "current_password_invalid"]);

const SIGNED_OUT_CODES = new Set([
  "refresh_token_not_found",
  "refresh_token_already_used",
  "session_not_found",
  "session_expired",
  "bad_jwt",
  "user_not_found",
]);

/** Of sign-up, sign-in, sign-out and another password. */
export function accountFault(error: unknown, host: string): Fault {
  const trouble = troubleIn(messageOf(error), host);
  if (trouble) return trouble;
  // supabase-js stumbles over some answers, such as `null`.
  if (!isAuthError(error)) return nonsense(host);
  const known = error.code === undefined ? undefined : ACCOUNT_FAULTS[error.code];
  if (known)
    return {
      type: WRONG_PASSWORD.has(error.code as string) ? "wrong-password" : (error.code as string),
      message: known(host),
    };
  if (
    error.name === "AuthSessionMissingError" ||
    (error.code !== undefined && SIGNED_OUT_CODES.has(error.code))
  )
    return signedOut(host);
  if (isAuthApiError(error) && error.status === 401) return wrongKey(host);
  if (isAuthApiError(error) && error.code !== undefined)
    return {
      type: "refused",
      message: `${host} refused this ("${error.code}"). Nothing was changed.`,
    };
  return nonsense(host);
}

/** What was appended to a log too late. */
const LATE_FAULTS = {
  log_moved: {
    type: "log-moved",
    message:
      "Somebody else changed the team at the same moment, so this was not done. Nothing was lost: try again.",
  },
  fence_stale: {
    type: "fence-stale",
    message:
      "Somebody wrote to the team while it was being changed, so nobody was removed yet. Nothing was lost: try again.",
  },
} as const satisfies Readonly<Record<string, Fault>>;

export function lateFault(word: keyof typeof LATE_FAULTS): Fault {
  return LATE_FAULTS[word];
}

const CALL_FAULTS: Readonly<Record<string, readonly [type: string, message: string]>> = {
  not_a_member: [
    "not-a-member",
    "This account is not a member of that team, or is no longer. Local data stays as it is. To come back, ask a member for an invite; to put the team away here, leave it.",
  ],
  stale_epoch: [
    "stale-epoch",
    "The team has a newer key than this device used. Nothing was lost: it is sealed again with the new key.",
  ],
  epoch_incomplete: [
    "epoch-incomplete",
    "The server did not take the team's new key, because it was not sealed for each device it names. Nothing was changed: please report this.",
  ],
  owner_missing: [
    "log-owner",
    "The team would be left without an owner who has a device, so nothing was changed. Make somebody else owner first.",
  ],
  clock_off: [
    "log-time",
    "This machine's clock is more than a day off, so the server took nothing and nothing was changed. Set the clock and try again.",
  ],
  entry_unreadable: [
    "entry-refused",
    "The server cannot take what this version says to the team. Nothing was changed: update Operon, or ask who runs the server to update it.",
  ],
  entry_misplaced: [
    "entry-refused",
    "The server refused what is addressed to another team. Nothing was changed: please report this.",
  ],
  invite_unknown: [
    "invite",
    "The server does not know this invite, or no longer: it was used, taken back, or ended when the team got a new key. Nothing was changed: ask for a new one.",
  ],
  invite_expired: [
    "invite",
    "This invite's time is over. Nothing was changed: ask for a new one. For a device of your own make one on another that is in the team: operon team invite YOUR-ADDRESS.",
  ],
  invite_for_another_account: [
    "invite-for-another-account",
    "This invite was made for another account and was not used up. Sign in with the e-mail address it was made for, or ask for an invite of your own.",
  ],
  device_taken: [
    "device-taken",
    "This device's key is or was in the team already, so the server did not add it again. Nothing here was changed: join with data of its own (--profile NAME).",
  ],
  too_many_projects: [
    "too-many-projects",
    "A team has at most 1,000 projects on a server, and 250 of them that one account made. Nothing was shared and nothing was changed: ask an owner of the team.",
  ],
  row_unreadable: [
    "row-refused",
    "The server cannot take what this version writes. Nothing was lost: update Operon, or ask who runs the server to update it.",
  ],
  row_misplaced: [
    "row-refused",
    "The server refused a row that is addressed to another place. Nothing was lost: please report this.",
  ],
};

/** PostgREST's error, of whatever shape a server gave it. */
export interface CallError {
  readonly status: number;
  readonly code: unknown;
  readonly message: unknown;
}

export function callFault({ status, code, message }: CallError, host: string): Fault {
  const text = typeof message === "string" ? message : "";
  const trouble = troubleIn(text, host);
  if (trouble) return trouble;
  if (status === 0) return unreachable(host);
  if (status >= 500) return broken(host);
  const known = CALL_FAULTS[text];
  if (known) return { type: known[0], message: known[1] };
  if (status === 401 && text === "Invalid API key") return wrongKey(host);
  if (code === "PGRST301" || code === "PGRST303" || status === 401) return signedOut(host);
  if (code === "PGRST202")
    return {
      type: "server-too-old",
      message: `${host} does not know what this version of Operon asks. Nothing was changed: its database needs the newest migrations.`,
    };
  if (code === "42501")
    return {
      type: "not-allowed",
      message: `${host} does not allow this account to do that. Nothing was changed: ask an owner of the team.`,
    };
  if (status === 413)
    return {
      type: "too-large",
      message: `${host} refused this as too large. Nothing was lost: please report this.`,
    };
  if (typeof code === "string" && code !== "")
    return {
      type: "refused",
      message: `${host} refused this (code ${code}). Nothing was changed.`,
    };
  return nonsense(host);
}

function wrongKey(host: string): Fault {
  return {
    type: "wrong-key",
    message: `${host} does not accept this key. Nothing was changed: check --key against what the server printed.`,
  };
}

function troubleIn(message: string, host: string): Fault | null {
  if (message.includes(UNREACHABLE)) return unreachable(host);
  if (message.includes(BROKEN)) return broken(host);
  if (message.includes(TOO_OFTEN)) return tooOften(host);
  if (message.includes(NONSENSE)) return nonsense(host);
  if (message.includes(TOO_LARGE)) return tooLarge(host);
  return null;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "";
}
