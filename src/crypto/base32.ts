/** Crockford's base 32: what a person can read off paper, say on the telephone and type in again. */
import type { Bytes } from "../base/bytes.ts";

const DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** The bytes as one number with as few digits as always hold it: 16 bytes are 26 digits, the first of them 0 to 7. */
export function toBase32(bytes: Uint8Array): string {
  let value = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  let text = "";
  for (let left = digitsOf(bytes.length); left > 0; left--) {
    text = DIGITS.charAt(Number(value & 31n)) + text;
    value >>= 5n;
  }
  return text;
}

/** Null unless the text is what `toBase32` makes of that many bytes. */
export function fromBase32(text: string, sizeBytes: number): Bytes | null {
  if (text.length !== digitsOf(sizeBytes)) return null;
  let value = 0n;
  for (const digit of text) {
    const digitValue = DIGITS.indexOf(digit);
    if (digitValue < 0) return null;
    value = (value << 5n) | BigInt(digitValue);
  }
  const bytes = new Uint8Array(sizeBytes);
  for (let at = sizeBytes - 1; at >= 0; at--) {
    bytes[at] = Number(value & 255n);
    value >>= 8n;
  }
  return value === 0n ? bytes : null;
}

/** Five digits a group, the way they are printed. */
export function inGroups(text: string): string {
  return text.match(/.{1,5}/g)?.join("-") ?? text;
}

/** What a person typed: blanks and dashes go, small letters count, and the letters that look like digits are those. */
export function typedBase32(text: string): string {
  return text
    .replace(/[\s-]+/g, "")
    .toUpperCase()
    .replaceAll("O", "0")
    .replace(/[IL]/g, "1");
}

function digitsOf(sizeBytes: number): number {
  return Math.ceil((sizeBytes * 8) / 5);
}
