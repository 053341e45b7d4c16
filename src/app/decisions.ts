/** Decision records: each a document, written through the live one so that who has it open sees it. */
import * as Y from "yjs";
import type { Bytes } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { localDay, startOfLocalDay } from "../base/days.ts";
import type { DocId } from "../base/ids.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import { raise, unwrap } from "../base/result.ts";
import {
  addEvidence,
  addOption,
  createDecision,
  editDecision,
  markOption,
  newDecisionId,
  readDecision,
  type DecisionEdit,
  type DecisionRecord,
} from "../crdt/decision.ts";
import { openDoc } from "../crdt/documents.ts";
import type { Store } from "../store/store.ts";
import type { StreamRef } from "../sync/ports.ts";
import type { DecisionInput, DecisionRow } from "./api.ts";
import type { MadrDecision } from "./export/madr-read.ts";
import type { LiveDocs } from "./livedocs.ts";

export interface Decisions {
  /** Newest first. */
  list(): Promise<readonly DecisionRow[]>;
  /** By id or a unique beginning of one. Raises "no-decision". */
  get(id: string): Promise<DecisionRow>;
  /** Dated today, as this machine's zone has it, unless a date is given. `stream` null: on this machine only. */
  create(input: DecisionEdit, stream: StreamRef | null): Promise<DecisionRow>;
  /** A whole one, written elsewhere, as a new one. `project`: the name of another than it says. */
  take(
    decision: MadrDecision,
    project: string | undefined,
    stream: StreamRef | null,
  ): Promise<DecisionRow>;
  edit(id: string, edit: DecisionInput): Promise<DecisionRow>;
  /** What search finds of one that changed. */
  index(id: DocId): Promise<void>;
  /** Of every one: a process may have ended between a change and its index. */
  indexAll(): Promise<void>;
}

export interface DecisionsOptions {
  readonly store: Store;
  readonly docs: LiveDocs;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** After a document was made. */
  onCreated(id: DocId, state: Bytes): void;
}

export function createDecisions({
  store,
  docs,
  clock,
  random,
  log,
  onCreated,
}: DecisionsOptions): Decisions {
  /** Of those that are here: what a teammate took back is not. */
  async function ids(): Promise<readonly DocId[]> {
    const all = await store.documents.list({ kind: "decision" });
    return all.filter(({ retired, rev }) => !retired || rev > 0).map(({ id }) => id);
  }

  async function find(text: string): Promise<DocId> {
    const all = await ids();
    const exact = all.find((id) => id === text);
    if (exact !== undefined) return exact;
    const found = all.filter((id) => id.startsWith(text) || id.startsWith(`dec_${text}`));
    const [only] = found;
    if (only !== undefined && found.length === 1) return only;
    if (only !== undefined)
      raise("ambiguous", `"${text}" fits ${found.length} decisions. Give more of the id.`);
    raise(
      "no-decision",
      `There is no decision "${text}" here. operon decision list shows them; a teammate's comes with operon sync.`,
    );
  }

  async function row(id: DocId): Promise<DecisionRow> {
    const stored = await store.documents.load(id);
    if (stored === null) raise("no-decision", `There is no decision "${id}" here.`);
    const team = stored.stream?.team ?? null;
    const doc = openDoc(stored.state);
    const record = readDecision(doc);
    doc.destroy();
    return { ...record, id, team, waiting: team !== null && stored.pending };
  }

  async function index(id: DocId): Promise<void> {
    const stored = await store.documents.load(id);
    if (stored === null || stored.kind !== "decision") return;
    const doc = openDoc(stored.state);
    const record = readDecision(doc);
    doc.destroy();
    const at = record.date === null ? null : startOfLocalDay(record.date);
    await store.search.setDecision({ id, title: record.title, body: textOf(record), at });
  }

  /** Does something with every decision. One that cannot be opened is left out. */
  async function each<T>(action: (id: DocId) => Promise<T>): Promise<readonly T[]> {
    const done: T[] = [];
    for (const id of await ids()) {
      try {
        done.push(await action(id));
      } catch (error) {
        log("error", "decision-unreadable", { id, reason: String(error) });
      }
    }
    return done;
  }

  async function make(
    input: DecisionEdit & { readonly date: string },
    stream: StreamRef | null,
    more: (doc: Y.Doc) => void,
  ): Promise<DecisionRow> {
    const id = newDecisionId({ clock, random });
    const doc = new Y.Doc();
    unwrap(createDecision(doc, id, input, { clock, random }));
    more(doc);
    const state = Y.encodeStateAsUpdate(doc) as Bytes;
    doc.destroy();
    const name = id as string as DocId;
    await store.documents.create({ id: name, kind: "decision", subject: id, stream, state });
    onCreated(name, state);
    return row(name);
  }

  return {
    async list() {
      const rows = await each(row);
      return rows.toSorted((a, b) => (a.id < b.id ? 1 : -1));
    },
    get: async (text) => row(await find(text)),
    create: (input, stream) =>
      make({ date: localDay(clock.nowMs()), ...input }, stream, () => undefined),
    async take({ date, reviewBy, project, options, evidence, ...rest }, named, stream) {
      const fields = {
        ...rest,
        date: date ?? "",
        reviewBy: reviewBy ?? "",
        project: named ?? project ?? "",
      };
      return make(fields, stream, (doc) => {
        // One millisecond apart, so that they read in the order they came in.
        const after = (i: number) => ({
          clock: { ...clock, nowMs: () => clock.nowMs() + i },
          random,
        });
        options.forEach((option, i) => {
          const id = addOption(doc, option, after(i));
          markOption(doc, id, "chosen", option.chosen);
        });
        evidence.forEach((item, i) => addEvidence(doc, item, after(i)));
      });
    },
    async edit(text, edit) {
      const id = await find(text);
      await docs.edit(id, (doc) => unwrap(editDecision(doc, edit, { clock, random })));
      return row(id);
    },
    index,
    async indexAll() {
      await each(index);
    },
  };
}

function textOf(record: DecisionRecord): string {
  const options = record.options.flatMap(({ title, pros, cons }) => [title, pros, cons]);
  const { context, drivers, outcome, consequences, deciders, tags } = record;
  return [context, drivers, ...options, outcome, consequences, ...deciders, ...tags]
    .filter((text) => text !== "")
    .join("\n");
}
