/**
 * A JSON text as lines, so that one that is written as a whole is read like one that is appended to: a record at a time, and
 * nothing of it held. Of an object's members each list gives a record an element, `{ list, index, value }`, and each other
 * one a record, `{ key, value }`; of a text that is a list itself, `list` is "".
 */
const NEWLINE = 10;
const RETURN = 13;
const SPACE = 32;
const QUOTE = 34;
const COMMA = 44;
const COLON = 58;
const BACKSLASH = 92;
const [OPEN_LIST, CLOSE_LIST] = [91, 93];
const [OPEN_OBJECT, CLOSE_OBJECT] = [123, 125];
const BYTE_ORDER_MARK = new Set([0xef, 0xbb, 0xbf]);

/** Throws when the text ends before it is whole, or is none: what came before is out by then. */
export async function* documentLines(blocks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const splitter = new Splitter();
  for await (const block of blocks) {
    const lines = splitter.take(block);
    if (lines.length > 0) yield lines;
  }
  splitter.end();
}

/** Where the next byte stands: before the text, between members or elements, in a key, before or in a value, or behind it all. */
type Place = "before" | "members" | "key" | "colon" | "member" | "elements" | "value" | "behind";

class Splitter {
  #place: Place = "before";
  /** JSON of the member's name; null in a text that is a list. */
  #key: number[] | null = null;
  /** Of the next element; null outside of a list. */
  #index: number | null = null;
  #depth = 0;
  #inText = false;
  #escaped = false;
  #out: Buffer[] = [];

  take(block: Buffer): Buffer {
    this.#out = [];
    const bytes = Buffer.from(block);
    let from = 0;
    for (let at = 0; at < bytes.length; at++) {
      if (this.#place === "value") {
        const end = this.#endOfValue(bytes, at);
        if (end === null) {
          // Between two tokens, where any space is as good as another: a line holds one record.
          if (bytes[at] === NEWLINE || bytes[at] === RETURN) bytes[at] = SPACE;
          continue;
        }
        this.#out.push(bytes.subarray(from, end), AFTER_VALUE);
        this.#place = this.#index === null ? "members" : "elements";
        if (end === at) at--;
        continue;
      }
      if (this.#starts(bytes[at] as number)) from = at--;
    }
    if (this.#place === "value") this.#out.push(bytes.subarray(from));
    return Buffer.concat(this.#out);
  }

  end(): void {
    if (this.#place !== "behind") throw new Error("its JSON ends before it is whole");
  }

  /** Whether a value starts at this byte. */
  #starts(byte: number): boolean {
    if (this.#place === "key") return this.#readKey(byte);
    if (byte === SPACE || byte === NEWLINE || byte === RETURN || byte === 9) return false;
    switch (this.#place) {
      case "before":
        if (byte === OPEN_LIST) this.#enterList();
        else if (byte === OPEN_OBJECT) this.#place = "members";
        else if (!BYTE_ORDER_MARK.has(byte)) refuse();
        return false;
      case "members":
        if (byte === QUOTE) {
          this.#place = "key";
          this.#key = [byte];
        } else if (byte === CLOSE_OBJECT) this.#place = "behind";
        else if (byte !== COMMA) refuse();
        return false;
      case "colon":
        if (byte !== COLON) refuse();
        this.#place = "member";
        return false;
      case "member":
        if (byte === OPEN_LIST) {
          this.#enterList();
          return false;
        }
        this.#enterValue(`{"key":${this.#name},"value":`);
        return true;
      case "elements":
        if (byte === COMMA) return false;
        if (byte === CLOSE_LIST) {
          this.#index = null;
          this.#place = this.#key === null ? "behind" : "members";
          return false;
        }
        this.#enterValue(`{"list":${this.#name},"index":${this.#index},"value":`);
        this.#index = (this.#index as number) + 1;
        return true;
      default:
        return refuse();
    }
  }

  get #name(): string {
    return this.#key === null ? '""' : Buffer.from(this.#key).toString("utf8");
  }

  #readKey(byte: number): false {
    (this.#key as number[]).push(byte);
    if (this.#escaped) this.#escaped = false;
    else if (byte === BACKSLASH) this.#escaped = true;
    else if (byte === QUOTE) this.#place = "colon";
    if ((this.#key as number[]).length > MAX_KEY_BYTES) refuse();
    return false;
  }

  #enterList(): void {
    this.#place = "elements";
    this.#index = 0;
  }

  #enterValue(opening: string): void {
    this.#out.push(Buffer.from(opening));
    this.#place = "value";
    this.#depth = 0;
    this.#inText = false;
  }

  /** Where the value ends, when this byte ends it. */
  #endOfValue(bytes: Buffer, at: number): number | null {
    const byte = bytes[at];
    if (this.#inText) {
      if (this.#escaped) this.#escaped = false;
      else if (byte === BACKSLASH) this.#escaped = true;
      else if (byte === QUOTE) {
        this.#inText = false;
        if (this.#depth === 0) return at + 1;
      }
      return null;
    }
    switch (byte) {
      case QUOTE:
        this.#inText = true;
        return null;
      case OPEN_LIST:
      case OPEN_OBJECT:
        this.#depth++;
        return null;
      case CLOSE_LIST:
      case CLOSE_OBJECT:
        // Of a number, true, false or null what holds it ends first.
        if (this.#depth === 0) return at;
        return --this.#depth === 0 ? at + 1 : null;
      case COMMA:
        return this.#depth === 0 ? at : null;
      default:
        return null;
    }
  }
}

const AFTER_VALUE = Buffer.from("}\n");
const MAX_KEY_BYTES = 64 * 1024;

function refuse(): never {
  throw new Error("it is not JSON");
}
