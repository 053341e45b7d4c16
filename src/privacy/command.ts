/** The one word of a command that may leave: which program was run. */
import { OUTSIDE, sharePath, WITHHELD, type Place } from "./place.ts";
import { looksLikeAddress, looksLikeSecret, mentions } from "./secrets.ts";

/** Of a command line, or of a program and its arguments as a list. Null when the word is not plainly a program's name. */
export function firstWord(place: Place, value: unknown): string | null {
  if (Array.isArray(value)) return firstOfList(place, value);
  if (typeof value !== "string") return null;
  const word = value.trimStart().replace(ELSEWHERE, "").replace(ASSIGNMENTS, "").match(WORD)?.[0];
  return word === undefined ? null : programName(place, word);
}

/** `cd DIR &&` before the program, as agents write it before each: where it was run is not what was run. */
const ELSEWHERE =
  /^(?:cd[ \t]+(?:"[^"$`\\\n]*"|'[^'\n]*'|[^\s"'`$\\();&|<>]+)[ \t]*(?:&&|;)[ \t]*)*/;
/** `NAME=value` before the program; a value with quotes or substitutions is no plain one, so the word that follows is none either. */
const ASSIGNMENTS = /^(?:[A-Za-z_]\w*=[^\s"'`$\\();&|<>]*[ \t]+)*/;
const WORD = /^[^\s;&|<>()]+/;
const PROGRAM = /^[A-Za-z0-9._-]{1,40}$/;
const SHELL = /^(?:ba|z|da|k|fi)?sh$/;

function firstOfList(place: Place, list: readonly unknown[]): string | null {
  const [program, flag, script] = list;
  if (typeof program !== "string") return null;
  const name = programName(place, program);
  const runsScript =
    name !== null && SHELL.test(name) && typeof flag === "string" && /^-l?c$/.test(flag);
  return runsScript ? firstWord(place, script) : name;
}

function programName(place: Place, word: string): string | null {
  const name = word.slice(Math.max(word.lastIndexOf("/"), word.lastIndexOf("\\")) + 1);
  const isFine =
    PROGRAM.test(name) &&
    /[A-Za-z]/.test(name) &&
    (name === word || isPublicPlace(place, word)) &&
    !looksLikeSecret(name) &&
    !looksLikeAddress(name) &&
    !mentions(name, place.names);
  return isFine ? name : null;
}

/** Programs of the system and of the project; what a person keeps elsewhere has a name that is theirs. */
function isPublicPlace(place: Place, path: string): boolean {
  if (path.includes("$") || path.includes("%")) return false;
  if (SYSTEM.test(path)) return !path.split("/").includes("..");
  const shared = sharePath(place, path);
  return shared !== null && shared !== OUTSIDE && shared !== WITHHELD;
}

const SYSTEM = /^\/(?:usr|bin|sbin|opt)\//;
