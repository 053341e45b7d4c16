/**
 * Texts that must not leave even where a text of their kind may: they look like a secret, an address, a machine.
 * Errs towards "yes": a false alarm costs a file's name in a teammate's view, a miss costs a key.
 */

export function looksLikeSecret(text: string): boolean {
  return KNOWN.test(text) || ASSIGNED.test(text) || runs(text).some(looksRandom);
}

/** An e-mail address, URL, IP address, or a host's name. */
export function looksLikeAddress(text: string): boolean {
  return ADDRESS.test(text) || hosts(text);
}

/** One of these names (in lower case) as a word, in any case, also as a part of a camelCase word. */
export function mentions(text: string, names: ReadonlySet<string>): boolean {
  const lower = text.toLowerCase();
  // A character whose lower case is longer would shift positions: then the words' ends cannot be trusted.
  const isAligned = lower.length === text.length;
  for (const name of names) {
    for (let at = lower.indexOf(name); at >= 0; at = lower.indexOf(name, at + 1)) {
      if (!isAligned || (isEdge(text, at) && isEdge(text, at + name.length))) return true;
    }
  }
  return false;
}

/** Beginnings by which issuers mark their keys. */
const KNOWN = new RegExp(
  [
    "-----BEGIN",
    "\\b[sprk]k[-_](?:live|test|ant|proj|or|svcacct)[-_]",
    "\\bsk-[A-Za-z0-9]{8,}",
    "\\bgh[pousr]_",
    "\\bgithub_pat_",
    "\\bgl(?:pat|dt|rt|cbt|ptt|soat)-",
    "\\bxox[a-z]-",
    "\\bxapp-",
    "\\b(?:AKIA|ASIA|AIDA|AROA)[A-Z0-9]{8,}",
    "\\bAIza[A-Za-z0-9_-]{10,}",
    "\\bya29\\.",
    "\\beyJ[A-Za-z0-9_-]{6,}",
    "\\bnpm_[A-Za-z0-9]{8,}",
    "\\bpypi-[A-Za-z0-9]{8,}",
    "\\bhf_[A-Za-z0-9]{8,}",
    "\\bdop_v1_",
    "\\bshp(?:at|ca|pa|ss)_",
    "\\bSG\\.[A-Za-z0-9]",
    "\\bsb[ps]?_(?:secret|publishable)?_?[A-Za-z0-9]{16,}",
    "\\bwhsec_",
    "\\bAGE-SECRET-KEY",
    "\\bbearer\\s",
  ].join("|"),
  "i",
);

const ASSIGNED = /(?:pass(?:word|wd|phrase)?|secret|token|api_?-?key|credential)s?["'\s]*[:=]/i;

const ADDRESS = new RegExp(
  [
    "[^\\s/@]+@(?!\\dx\\.)[^\\s/@]+\\\\?\\.[A-Za-z]{2,}", // e-mail; not icon@2x.png
    "[a-z][a-z0-9+]*:\\\\?/\\\\?/", // URL
    "\\bwww\\\\?\\.",
    "\\b\\d{1,3}(?:\\\\?\\.\\d{1,3}){3}\\b", // IPv4
    "\\b[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){3,}", // IPv6, MAC
  ].join("|"),
  "i",
);

const HOST = /[a-z0-9-]+(?:\\?\.[a-z0-9-]+)+/gi;
/** Nothing else is called so. */
const HOST_LABEL = /^(?:com|net|org|edu|gov|internal|intranet|lan|corp|localdomain|onion)$/i;
/** As a last label; endings that files and members often have are not here. */
const TOP_LEVEL =
  /^(?:io|dev|ai|co|cloud|tech|xyz|info|biz|tv|gg|eu|de|uk|fr|nl|ch|pl|cz|ru|ua|cn|jp|kr|br|ca|au|nz|local)$/i;

function hosts(text: string): boolean {
  return (text.match(HOST) ?? []).some((host) => {
    const labels = host.split(/\\?\./).slice(1);
    return (
      TOP_LEVEL.test(labels.at(-1) as string) || labels.some((label) => HOST_LABEL.test(label))
    );
  });
}

const LONGEST_WORD = 24;

function runs(text: string): readonly string[] {
  return text.match(/[A-Za-z0-9+=_-]{12,}/g) ?? [];
}

function looksRandom(run: string): boolean {
  const dense = run.replaceAll(/[^A-Za-z0-9]/g, "");
  const classes = [...dense].map(classOf);
  const changes = count(classes, (a, b) => a !== b);
  const digitChanges = count(classes, (a, b) => (a === "digit") !== (b === "digit"));
  if (dense.length >= 32 && new Set(classes).size === 3) return true;
  if (dense.length >= 16 && changes / dense.length >= 0.45) return true;
  if (dense.length >= 16 && digitChanges >= 4 && digitChanges / dense.length >= 0.18) return true;
  return pieces(run).some((piece) => piece.length > LONGEST_WORD || isLongNumber(piece));
}

function pieces(run: string): readonly string[] {
  return run.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+/g) ?? [];
}

/** Longer than a timestamp to the second, or as long but no time. */
function isLongNumber(piece: string): boolean {
  return /^\d{11,}$/.test(piece) && !/^(?:19|20)\d{10}(?:\d\d)?$/.test(piece);
}

function classOf(char: string): string {
  if (char >= "0" && char <= "9") return "digit";
  return char >= "a" ? "lower" : "upper";
}

function count(classes: readonly string[], differ: (a: string, b: string) => boolean): number {
  return classes.filter((c, i) => i > 0 && differ(classes[i - 1] as string, c)).length;
}

/** Whether a word may end or begin between the characters before and at this place. */
function isEdge(text: string, at: number): boolean {
  const [before, after] = [text[at - 1] ?? "", text[at] ?? ""];
  return (
    !/\p{L}/u.test(before) ||
    !/\p{L}/u.test(after) ||
    (/\p{Ll}/u.test(before) && /\p{Lu}/u.test(after))
  );
}
