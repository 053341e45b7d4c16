/**
 * Who else looks at one document now, as far as they prove it, and telling them where this device is.
 *
 * Each message brings a fresh challenge and repeats those that were heard: who repeats one of this process's own has heard
 * it lately, so a recording shows nobody. Messages become fewer the more are here: together some ten a second while carets
 * move, and one a second while nothing does. Nothing of it is stored, and no alarm comes of it.
 */
import { equalBytes, toHex } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import {
  type Caret,
  CHALLENGE_BYTES,
  type Presence as Message,
  roomForChallenges,
} from "../crypto/presence.ts";
import type { After } from "./pacing.ts";

/** Between two moves of a caret, with one other here; with more it grows with their number. */
const MOVE_MS = 100;
/** Between two messages while nothing moves, with up to `BEAT_OTHERS` others; with more it grows with their number. */
const BEAT_MS = 10_000;
const BEAT_OTHERS = 10;
/** Who is not heard for so many beats is gone. */
const MISSED_BEATS = 3;
/** A document that was left alone for so long is digested, and differs for so many beats before anything is done about it. */
const QUIET_MS = 1000;
const APART_BEATS = 2;
const APART_MAX_BEATS = 64;
/** Twice what the challenges in one message can be, so that everybody is answered every second beat. */
const PEERS_MAX = 60;
const PEERS_OF_A_DEVICE = 4;

/** Where somebody is in a document. */
export interface Place {
  readonly field: string | null;
  readonly caret: Caret | null;
}

export interface HereDevice extends Place {
  readonly device: string;
}

export interface PresenceOptions {
  readonly clock: Clock;
  readonly after: After;
  readonly random: Random;
  /** A higher number at each call, for all of the process. */
  readonly count: () => number;
  readonly say: (message: Omit<Message, "device" | "replica" | "document">) => void;
  /** Who moved last first. */
  readonly onHere: (here: readonly HereDevice[]) => void;
  /** Of the document as it is kept here; null: not there. */
  readonly digest: () => Promise<string | null>;
  /** Somebody here has had another state of the document for a while. */
  readonly onApart: () => void;
}

interface Peer extends HereDevice {
  counter: number;
  /** `heard`: said something, and may be a recording. `here`: answered this process. */
  state: "heard" | "here" | "left";
  heardMs: number;
  answeredMs: number;
  /** How long its silence is borne, as it was when it was heard. */
  patienceMs: number;
  challenge: string;
  /** Which of our messages repeated a challenge of it last; 0: none. */
  repeatedBy: number;
  field: string | null;
  caret: Caret | null;
  movedMs: number;
  digest: string | null;
  digestMs: number;
}

export class Presence {
  readonly #options: PresenceOptions;
  /** By device and replica. */
  readonly #peers = new Map<string, Peer>();
  /** Own challenges that may still be answered, oldest first, and when each was made. */
  readonly #challenges = new Map<string, number>();
  #place: Place;
  #joined = false;
  #lastMs = Number.NEGATIVE_INFINITY;
  /** Of the next beat: so that not all come at once. */
  #jitter = 1;
  #soonMs = Number.POSITIVE_INFINITY;
  #digest: string | null = null;
  #changedMs: number;
  #digestMs: number;
  #apartMs = 0;
  #apartBeats = APART_BEATS;
  #timer: { readonly atMs: number; readonly cancel: () => void } | null = null;

  constructor(options: PresenceOptions, place: Place) {
    this.#options = options;
    this.#place = place;
    this.#changedMs = this.#now();
    this.#digestMs = this.#changedMs + QUIET_MS;
  }

  /** How many others are here. */
  get others(): number {
    return this.#here().length;
  }

  /** The channel hears us from now on. */
  joined(): void {
    this.#joined = true;
    this.#soonMs = Math.min(this.#soonMs, this.#mayMoveMs());
    this.#tick();
  }

  /** Nobody is told while nobody is here. */
  moveTo(place: Place): void {
    if (samePlace(place, this.#place)) return;
    this.#place = place;
    if (this.others > 0) this.#soonMs = Math.min(this.#soonMs, this.#mayMoveMs());
    this.#plan();
  }

  /** The document has grown here. */
  changed(): void {
    this.#digest = null;
    this.#changedMs = this.#now();
    this.#digestMs = this.#changedMs + QUIET_MS;
    this.#plan();
  }

  hear(said: Message): void {
    const now = this.#now();
    const key = `${said.device}/${said.replica}`;
    const known = this.#peers.get(key);
    if (known && said.counter <= known.counter) return;
    const answers = said.heard.some((challenge) => this.#isOwn(challenge));
    if (!known && !this.#makeRoom(said.device, answers)) return;
    const isNew = !said.leaves && (!known || known.state === "left");
    const state = stateAfter(said, answers, isNew ? "heard" : (known?.state ?? "heard"));
    const { device, counter, field, caret, digest, challenge } = said;
    const peer: Peer = {
      ...{ device, counter, state, field, caret, digest, challenge },
      heardMs: now,
      answeredMs: answers ? now : (known?.answeredMs ?? 0),
      patienceMs: 0,
      repeatedBy: isNew ? 0 : (known?.repeatedBy ?? 0),
      movedMs: known && samePlace(known, said) ? known.movedMs : now,
      digestMs: known && known.digest === digest ? known.digestMs : now,
    };
    this.#peers.set(key, peer);
    peer.patienceMs = this.#patienceMs();
    if (isNew) this.#soonMs = Math.min(this.#soonMs, this.#mayMoveMs() + this.#spreadMs());
    const wasHere = known?.state === "here";
    if (wasHere !== (state === "here") || (wasHere && !samePlace(known, peer))) this.#tell();
    this.#compare();
    this.#plan();
  }

  /** Those whom this says are none of the team any more are gone. */
  keep(belongs: (device: string) => boolean): void {
    this.#drop(({ device }) => !belongs(device));
  }

  /** Others are told, and nothing is said or heard after. */
  close(): void {
    if (this.#joined) this.#say(true);
    this.#timer?.cancel();
    this.#timer = null;
    this.#joined = false;
    this.#peers.clear();
  }

  #say(leaves: boolean): void {
    const now = this.#now();
    const counter = this.#options.count();
    const peers = [...this.#peers.values()].filter(({ state }) => state !== "left");
    // Whoever has waited longest first: with very many not all fit.
    const heard = peers
      .toSorted((a, b) => a.repeatedBy - b.repeatedBy)
      .slice(0, roomForChallenges(this.#place));
    for (const peer of heard) peer.repeatedBy = counter;
    this.#lastMs = now;
    this.#soonMs = Number.POSITIVE_INFINITY;
    this.#jitter = 0.9 + 0.2 * this.#chance();
    this.#options.say({
      counter,
      leaves,
      digest: this.#digest,
      challenge: this.#challenge(),
      ...this.#place,
      heard: heard.map(({ challenge }) => challenge),
    });
  }

  /** One of its own a message, except when messages are many. */
  #challenge(): string {
    const now = this.#now();
    for (const [challenge, madeMs] of this.#challenges)
      if (now - madeMs > this.#patienceMs()) this.#challenges.delete(challenge);
    const newest = [...this.#challenges].at(-1);
    if (newest && now - newest[1] < this.#beatMs() / 10) return newest[0];
    const fresh = toHex(this.#options.random(CHALLENGE_BYTES));
    this.#challenges.set(fresh, now);
    return fresh;
  }

  #isOwn(challenge: string): boolean {
    const madeMs = this.#challenges.get(challenge);
    return madeMs !== undefined && this.#now() - madeMs <= this.#patienceMs();
  }

  /** Who answers takes the place of one who may be a recording; nobody takes that of one who is here or has just left. */
  #makeRoom(device: string, answers: boolean): boolean {
    const oldest = (peers: readonly [string, Peer][]) =>
      peers.toSorted(([, a], [, b]) => a.heardMs - b.heardMs)[0]?.[0] ?? null;
    const all = [...this.#peers];
    const own = all.filter(([, peer]) => peer.device === device);
    if (own.length < PEERS_OF_A_DEVICE && all.length < PEERS_MAX) return true;
    const unsure = (own.length < PEERS_OF_A_DEVICE ? all : own).filter(
      ([, { state }]) => state === "heard",
    );
    const gives = answers || own.length >= PEERS_OF_A_DEVICE ? oldest(unsure) : null;
    return gives !== null && this.#peers.delete(gives);
  }

  #tick(): void {
    const now = this.#now();
    this.#timer?.cancel();
    this.#timer = null;
    this.#drop((peer) => now - peer.heardMs > this.#silenceMs(peer));
    for (const peer of this.#here())
      if (now - peer.answeredMs > this.#silenceMs(peer)) {
        peer.state = "heard";
        this.#tell();
      }
    if (now >= this.#digestMs) void this.#renewDigest();
    if (this.#joined && now >= Math.min(this.#soonMs, this.#beatAtMs())) {
      this.#say(false);
      this.#compare();
    }
    this.#plan();
  }

  #plan(): void {
    if (!this.#joined) return;
    const ends = this.#here().map(
      (peer) => Math.min(peer.heardMs, peer.answeredMs) + this.#silenceMs(peer) + 1,
    );
    const atMs = Math.min(this.#soonMs, this.#beatAtMs(), this.#digestMs, ...ends);
    if (this.#timer?.atMs === atMs) return;
    this.#timer?.cancel();
    const waitMs = Math.max(0, atMs - this.#now());
    this.#timer = { atMs, cancel: this.#options.after(waitMs, () => this.#tick()) };
  }

  /** A digest that cannot be had is none; what changes meanwhile makes another one. */
  async #renewDigest(): Promise<void> {
    const changedMs = this.#changedMs;
    this.#digestMs = Number.POSITIVE_INFINITY;
    const digest = await this.#options.digest().catch(() => null);
    if (this.#changedMs === changedMs) this.#digest = digest;
  }

  /** Ever more rarely, while it stays so. */
  #compare(): void {
    const now = this.#now();
    const others = this.#here().filter(({ digest }) => digest !== null && this.#digest !== null);
    const apart = others.filter(({ digest }) => digest !== this.#digest);
    if (apart.length === 0) {
      if (others.length > 0) this.#apartBeats = APART_BEATS;
      return;
    }
    const sinceMs = Math.max(this.#changedMs, Math.min(...apart.map(({ digestMs }) => digestMs)));
    if (now - sinceMs < APART_BEATS * this.#beatMs() || now < this.#apartMs) return;
    this.#apartMs = now + this.#apartBeats * this.#beatMs();
    this.#apartBeats = Math.min(2 * this.#apartBeats, APART_MAX_BEATS);
    this.#options.onApart();
  }

  #drop(isGone: (peer: Peer) => boolean): void {
    const before = this.others;
    for (const [key, peer] of this.#peers) if (isGone(peer)) this.#peers.delete(key);
    if (this.others !== before) this.#tell();
  }

  #tell(): void {
    this.#options.onHere(this.#here().toSorted((a, b) => b.movedMs - a.movedMs));
  }

  #here(): readonly Peer[] {
    return [...this.#peers.values()].filter(({ state }) => state === "here");
  }

  #mayMoveMs(): number {
    return Math.max(this.#now(), this.#lastMs + MOVE_MS * Math.max(1, this.others));
  }

  #beatAtMs(): number {
    return this.#lastMs + this.#beatMs() * this.#jitter;
  }

  #beatMs(): number {
    return BEAT_MS * Math.max(1, this.others / BEAT_OTHERS);
  }

  #patienceMs(): number {
    return MISSED_BEATS * this.#beatMs();
  }

  #silenceMs({ patienceMs }: Peer): number {
    return Math.max(patienceMs, this.#patienceMs());
  }

  /** So that many do not answer a newcomer all at once. */
  #spreadMs(): number {
    return this.#chance() * MOVE_MS * this.others;
  }

  #chance(): number {
    return (this.#options.random(1)[0] as number) / 256;
  }

  #now(): number {
    return this.#options.clock.monotonicMs();
  }
}

function stateAfter(said: Message, answers: boolean, before: Peer["state"]): Peer["state"] {
  if (said.leaves) return "left";
  return answers ? "here" : before;
}

function samePlace(a: Place, b: Place): boolean {
  return a.field === b.field && sameCaret(a.caret, b.caret);
}

function sameCaret(a: Caret | null, b: Caret | null): boolean {
  if (a === null || b === null) return a === b;
  return equalBytes(a.anchor, b.anchor) && equalBytes(a.head, b.head);
}
