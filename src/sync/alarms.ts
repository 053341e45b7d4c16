/** What went wrong, gathered while a page is read and told in sentences: what happened, what it means, what to do. */
import { toHex, utf8 } from "../base/bytes.ts";
import { never } from "../base/result.ts";
import { sha256 } from "../crypto/hash.ts";
import type { StreamRef } from "./ports.ts";
import { sameStream } from "./streams.ts";

export type Alarm =
  /** Authentic or not, a row that may not be applied. `why` is a clause about the row. */
  | { readonly is: "refused"; readonly device: string; readonly why: string }
  | { readonly is: "replayed"; readonly device: string }
  | { readonly is: "withheld"; readonly device: string }
  | { readonly is: "fork"; readonly device: string }
  | { readonly is: "hole" }
  | { readonly is: "rollback"; readonly held: number; readonly offered: number }
  | { readonly is: "history"; readonly n: number }
  | { readonly is: "gone" }
  /** A device says that a snapshot is not what the rows made. */
  | { readonly is: "disputed"; readonly device: string }
  /** Rows have no body, and no snapshot that stands covers them. */
  | { readonly is: "deleted"; readonly n: number }
  /** Rows were dropped for a snapshot that only its maker answers for. */
  | { readonly is: "unattested"; readonly device: string }
  | { readonly is: "own-row-lost" }
  /** What is to be sent of a document is more than an update can hold. */
  | { readonly is: "too-large"; readonly document: string }
  /** Rows under a key that the team's log does not show. */
  | { readonly is: "no-key"; readonly epoch: number }
  /** The log itself; `why` is a sentence. */
  | { readonly is: "log"; readonly why: string };

/** An alarm as a person is told of it. */
export interface Raised {
  /** The same for the same event, however often it is met. */
  readonly id: string;
  readonly words: string;
  /** It is so until the server shows something else; an event that is over otherwise. */
  readonly lasting: boolean;
  /** The stream cannot be followed any more: a person may have it read anew, from its start (`Sync.restart`). */
  readonly halted: StreamRef | null;
}

interface About {
  /** The row, if it is about one. */
  readonly n?: number;
  /** Nothing more of the stream is read. */
  readonly halts?: boolean;
}

interface Counted {
  readonly stream: StreamRef;
  readonly alarm: Alarm;
  /** Of the first row. */
  readonly n: number;
  readonly halts: boolean;
  count: number;
}

/** A device's name for people. */
type NameOf = (device: string) => string;

export class Alarms {
  readonly #counts = new Map<string, Counted>();
  /** How many were given out as news. */
  #told = 0;

  add(stream: StreamRef, alarm: Alarm, { n = 0, halts = false }: About = {}): void {
    const key = JSON.stringify([stream, alarm, halts]);
    const held = this.#counts.get(key);
    if (held) held.count++;
    else this.#counts.set(key, { stream, alarm, n, halts, count: 1 });
  }

  get any(): boolean {
    return this.#counts.size > 0;
  }

  at(stream: StreamRef): boolean {
    return [...this.#counts.values()].some((one) => sameStream(one.stream, stream));
  }

  /** The sentence about the team's log, if there is one. */
  get ofLog(): string | null {
    for (const { alarm } of this.#counts.values()) if (alarm.is === "log") return alarm.why;
    return null;
  }

  raised(nameOf: NameOf): readonly Raised[] {
    return [...this.#counts.values()].map((one) => raisedOf(one, nameOf));
  }

  /** Those since it was last asked. */
  news(nameOf: NameOf): readonly Raised[] {
    const news = this.raised(nameOf).slice(this.#told);
    this.#told = this.#counts.size;
    return news;
  }
}

const LASTING: ReadonlySet<Alarm["is"]> = new Set(["log", "too-large"]);

function raisedOf({ stream, alarm, n, halts, count }: Counted, nameOf: NameOf): Raised {
  return {
    id: toHex(sha256(utf8(JSON.stringify([stream, alarm, n])))).slice(0, 32),
    words: sentence(stream, alarm, count, nameOf),
    lasting: halts || LASTING.has(alarm.is),
    // What the server shows no more cannot be read anew.
    halted: halts && alarm.is !== "gone" ? stream : null,
  };
}

function sentence(stream: StreamRef, alarm: Alarm, count: number, nameOf: NameOf): string {
  const where =
    stream.project === null ? "the team's stream" : `the stream of project ${stream.project}`;
  const rows = count === 1 ? "A row" : `${count} rows`;
  const were = count === 1 ? "was" : "were";
  switch (alarm.is) {
    case "refused":
      return `${rows} in ${where}, in the name of ${nameOf(alarm.device)}, ${were} refused: ${alarm.why}. Nothing of it was taken into your documents. Ask who runs the server, and the person whose device it is.`;
    case "replayed":
      return `The server gave ${rows.toLowerCase()} of ${nameOf(alarm.device)} in ${where} a second time. Your documents are unchanged by it. Ask who runs the server.`;
    case "withheld":
      return `${rows} of ${nameOf(alarm.device)} in ${where} came without the ones before: the server is holding something back. Your documents are whole but lack that work. Ask who runs the server.`;
    case "fork":
      return `The server shows ${nameOf(alarm.device)} another history of ${where} than this device. What was signed by the team was kept. Compare with the team before relying on it, and ask who runs the server.`;
    case "hole":
      return `The server left out rows of ${where}. Nothing after the hole was taken; your documents are as before. Ask who runs the server.`;
    case "rollback":
      return `The server's history of ${where} ends at row ${alarm.offered}, but this device has verified row ${alarm.held}: it was set back. Your documents are as before, and nothing is sent there. Ask who runs the server.`;
    case "history":
      return `The server's history of ${where} is not the one this device verified up to row ${alarm.n}. Your documents are as before, and nothing is sent there. Ask who runs the server.`;
    case "gone":
      return `The server no longer shows ${where}, which this device has read before. Your documents are as before. Ask whether your access was changed, or who runs the server.`;
    case "disputed":
      return `A snapshot of ${where}, which stands for older rows, is not what ${nameOf(alarm.device)} had verified. Nothing more is deleted for it, and nobody begins with it. An owner or admin of the team has to find out which device is wrong: if it is the one that disputes, operon team vouch, and then let that device read the stream anew.`;
    case "deleted":
      return `The server deleted rows of ${where} from number ${alarm.n} on, and no snapshot that a second device attested holds what was in them. Nothing after them was taken; your documents are as before. Ask who runs the server.`;
    case "unattested":
      return `Rows of ${where} were deleted for a snapshot that ${nameOf(alarm.device)} made and no other device attested. It was taken: compare with the team whether something of theirs is missing.`;
    case "own-row-lost":
      return `The server said it had stored ${rows.toLowerCase()} of this device in ${where}, and then did not show ${count === 1 ? "it" : "them"}. The work is safe here and will be sent again. Ask who runs the server.`;
    case "too-large":
      return `What was changed in the document ${alarm.document}, of ${where}, is more than 128 MiB, which is more than can be sent. It stays on this device, and all else is sent. Take some of it out of the document, or start another one.`;
    case "no-key":
      return `The server shows rows of ${where} under the team's key number ${alarm.epoch}, and not how that key came to be: it is holding back the list of the team's members. Nothing after them was taken; your documents are as before. Ask who runs the server.`;
    case "log":
      return alarm.why;
    default:
      return never(alarm);
  }
}
