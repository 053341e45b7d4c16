/** Text as typed, one character an edit; the same on both sides of a comparison, and with nothing in it to compress. */
export function typedText(length: number): string {
  let state = 1;
  let text = "";
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    text += "abcdefghijklmnopqrstuvwxyz      "[(state >> 16) & 31];
  }
  return text;
}
