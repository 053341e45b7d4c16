/**
 * Each defence by the lines of the product that are it, and what stands in their place when it is turned off. The product
 * has no switch for this: its source is changed as it is loaded (`weaken.ts`), and a line that is not found ends the run.
 *
 * `fault`: where its absence shows soonest.
 */
export interface Defence {
  readonly name: string;
  /** From the project's root. */
  readonly module: string;
  /** Lines as they stand, and what stands there instead. */
  readonly lines: readonly (readonly [string, string])[];
  readonly fault: readonly string[];
}

export const DEFENCES: readonly Defence[] = [
  {
    name: "signature",
    module: "src/crypto/row.ts",
    lines: [
      [
        "return verify(proof.signKey, signed(row.subarray(0, end)), row.subarray(end));",
        "return true;",
      ],
    ],
    fault: ["forged-author"],
  },
  {
    name: "stream",
    module: "src/crypto/row.ts",
    lines: [
      ["if (header.team !== expected.team || header.project !== expected.project)", "if (false)"],
    ],
    fault: ["move-row"],
  },
  {
    name: "name",
    module: "src/sync/seal.ts",
    lines: [["wireDocumentId(keys, content.document) !== header.document", "false"]],
    fault: ["forged-name"],
  },
  {
    name: "chain",
    module: "src/sync/reader.ts",
    lines: [["if (!follows) {", "if (false) {"]],
    fault: ["omit-row"],
  },
  {
    name: "pin",
    module: "src/sync/exchange.ts",
    lines: [["else if (atHead && !equalBytes(atHead.h, head.h))", "else if (false)"]],
    fault: ["rollback-and-go-on"],
  },
  {
    name: "rollback",
    module: "src/sync/exchange.ts",
    lines: [["} else if (head.n < held.n)", "} else if (false)"]],
    fault: ["rollback"],
  },
  {
    name: "gone",
    module: "src/sync/exchange.ts",
    lines: [['alarms.add(stream, { is: "gone" });', "return true;"]],
    fault: ["lie-about-head"],
  },
  {
    name: "contiguous",
    module: "src/sync/exchange.ts",
    lines: [
      ["else if (places.length < rows.length || (!more && last.n < head.n))", "else if (false)"],
    ],
    fault: ["truncate"],
  },
  {
    name: "head",
    module: "src/sync/reader.ts",
    lines: [["if (!this.#options.heads.agrees(this.#stream, head))", "if (false)"]],
    fault: ["hide-document"],
  },
  {
    name: "claim",
    module: "src/sync/reader.ts",
    lines: [["if (change.head.n >= n) return AHEAD;", ""]],
    fault: ["claimed-future"],
  },
  {
    name: "trace-owner",
    module: "src/sync/reader.ts",
    lines: [
      ['if (change.kind === "trace" && owner !== null && owner !== header.device)', "if (false)"],
    ],
    fault: ["forged-trace"],
  },
  {
    name: "private",
    module: "src/sync/reader.ts",
    lines: [["if (!info.stream || !sameStream(info.stream, this.#stream))", "if (false)"]],
    fault: ["private-document"],
  },
  {
    name: "no-key",
    module: "src/sync/exchange.ts",
    lines: [["if (ahead !== -1) {", "if (false) {"]],
    fault: ["other-epoch"],
  },
  {
    name: "inapplicable",
    module: "src/crdt/documents.ts",
    lines: [["if (canRebuild([state, ...updates])) return new Set();", "return new Set();"]],
    fault: ["bogus-update"],
  },
  {
    name: "contradiction",
    module: "src/sync/reader.ts",
    lines: [["this.#refuseThose(contradicting, state, document, CONTRADICTS);", ""]],
    fault: ["forged-client"],
  },
  {
    name: "own-rows",
    module: "src/sync/exchange.ts",
    lines: [
      ["if (answered === null || answered > this.#cursorOf(stream).n) continue;", "continue;"],
    ],
    fault: ["false-receipt"],
  },
  {
    name: "known",
    module: "src/sync/exchange.ts",
    lines: [
      [
        'if (!answers.ok) return answers.fault.type === "stale-epoch" ? ok("stale") : answers;',
        'if (!answers.ok) await this.#land(new Set(rows.map(({ hash }) => hash)), tally);\n    if (!answers.ok) return answers.fault.type === "stale-epoch" ? ok("stale") : answers;',
      ],
    ],
    fault: ["drop"],
  },
  {
    name: "revision",
    module: "src/sync/exchange.ts",
    lines: [
      [
        "if (!(await this.#options.store.settle(doc, flight.rev))) await this.#settleGrown(doc);",
        "await this.#options.store.settle(doc, (await this.#options.store.state(doc))?.rev ?? flight.rev);",
      ],
    ],
    fault: ["delay"],
  },
  {
    name: "pull-first",
    module: "src/sync/exchange.ts",
    lines: [
      [
        "if (pull() || this.inFlight) {",
        "if ((pull() || this.inFlight) && (await this.#options.store.pendingDocuments(this.#options.keys.team)).length === 0) {",
      ],
    ],
    fault: ["kill"],
  },
  {
    name: "derived-deletes",
    module: "src/crdt/known.ts",
    lines: [["if (fresh.size === 0 && deletes.size > 0) {", "if (false) {"]],
    fault: ["kill"],
  },
  {
    name: "rotation-due",
    module: "src/sync/team/team.ts",
    lines: [
      [
        "return this.state.rotationDue ? this.rotate(null) : ok(undefined);",
        "return ok(undefined);",
      ],
    ],
    fault: ["leave"],
  },
  {
    name: "rotation-again",
    module: "src/sync/team/team.ts",
    lines: [
      [
        "return listed === this.listed && !this.state.rotationDue;",
        "return listed === this.listed;",
      ],
    ],
    fault: ["leave", "kill", "drop"],
  },
  {
    name: "keys-ahead",
    module: "src/sync/team/team.ts",
    lines: [
      ["if (this.#keys.newest.epoch > this.state.epochs.length) return this.refresh();", ""],
      [
        "return taken.ok || !LACKS_KEYS.has(taken.fault.type) ? taken : this.refresh();",
        "return taken;",
      ],
    ],
    fault: ["rotate", "kill", "backup"],
  },
  {
    name: "stale-epoch",
    module: "src/sync/exchange.ts",
    lines: [
      ["if (team.keys.newest.epoch !== before) this.#startReplica();", ""],
      ['answers.fault.type === "stale-epoch" ? ok("stale") : answers;', "answers;"],
    ],
    fault: ["rotate", "drop"],
  },
];
