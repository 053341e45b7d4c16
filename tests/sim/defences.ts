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
    name: "epoch",
    module: "src/sync/reader.ts",
    lines: [["if (header.epoch !== keys.epoch && proveRow(row, header, proof))", "if (false)"]],
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
    name: "device-id",
    module: "src/crypto/card.ts",
    lines: [["if (deviceId(rest) !== device || ", "if ("]],
    fault: ["swapped-key"],
  },
  {
    name: "card-seal",
    module: "src/crypto/card.ts",
    lines: [
      [
        "const plain = unseal(card.subarray(OPEN_BYTES), context(keys, device, open), cardKey(keys));",
        "const plain = unseal(card.subarray(OPEN_BYTES), context(keys, device, open), cardKey(keys)) ?? (card.slice(OPEN_BYTES + NONCE_BYTES, -TAG_BYTES) as Bytes);",
      ],
    ],
    fault: ["ghost-device"],
  },
  {
    name: "kdf",
    module: "src/crypto/kdf.ts",
    lines: [["if (!withinLimits(kdf, limits))", "if (false)"]],
    fault: ["weak-kdf"],
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
        "if (!answers.ok) return answers;\n    const conflict",
        "if (!answers.ok) await this.#land(new Set(rows.map(({ hash }) => hash)), tally);\n    if (!answers.ok) return answers;\n    const conflict",
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
];
