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
    // What a chain shows, the comparison of heads shows too, most often: both are off.
    lines: [
      ["if (!follows) {", "if (false) {"],
      ["if (!(await this.#options.heads.agrees(this.#stream, head)))", "if (false)"],
    ],
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
    lines: [['alarm = { is: "gone" };', "return true;"]],
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
    lines: [["if (!(await this.#options.heads.agrees(this.#stream, head)))", "if (false)"]],
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
    lines: [["if (!stream || !sameStream(stream, this.#stream))", "if (false)"]],
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
    lines: [["if (canRebuild([state, ...tried])) return hopeless;", "return hopeless;"]],
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
    module: "src/sync/flights.ts",
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
        'if (!answers.ok) await this.#flights.land(new Set(rows.map(({ hash }) => hash)), tally);\n    if (!answers.ok) return answers.fault.type === "stale-epoch" ? ok("stale") : answers;',
      ],
    ],
    fault: ["drop"],
  },
  {
    name: "revision",
    module: "src/sync/flights.ts",
    lines: [
      [
        "if (!(await this.#options.store.settle(doc, flight.rev))) await this.#settleGrown(doc);",
        "await this.#options.store.settle(doc, (await this.#options.store.state(doc))?.rev ?? flight.rev);",
      ],
    ],
    fault: ["delay", "drop", "kill"],
  },
  {
    name: "pull-first",
    module: "src/sync/exchange.ts",
    lines: [
      [
        "if (!pull() && !this.inFlight)",
        "if ((!pull() && !this.inFlight) || (await this.#options.store.pendingDocuments(this.#options.team.id)).length > 0)",
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
      ["if (team.keys.newest.epoch !== before) this.#flights.startReplica();", ""],
      ['answers.fault.type === "stale-epoch" ? ok("stale") : answers;', "answers;"],
    ],
    fault: ["rotate", "drop"],
  },
  {
    name: "log",
    module: "src/crypto/log/reducer.ts",
    lines: [
      [
        "    if (fault !== null) return { ok: false, fault };\n  }\n  const { head, timeMs }",
        "  }\n  const { head, timeMs }",
      ],
    ],
    fault: ["ghost-device"],
  },
  {
    name: "log-author",
    module: "src/crypto/log/validators/author.ts",
    lines: [
      [
        '  author !== null\n    ? null\n    : deny("log-author", "its author is no device',
        '  author !== null || entry.n > 0\n    ? null\n    : deny("log-author", "its author is no device',
      ],
      [
        "({ author }) =>\n  author !== null || entry.n > 0",
        "({ author, entry }) =>\n  author !== null || entry.n > 0",
      ],
    ],
    fault: ["ghost-device"],
  },
  {
    name: "log-signature",
    module: "src/crypto/log/validators/author.ts",
    lines: [
      [
        "verify(author.signKey, signedBytes(bytes.subarray(0, -SIGNATURE_BYTES)), entry.signature)",
        "bytes.length > 0",
      ],
    ],
    fault: ["ghost-device"],
  },
  {
    name: "log-removed-author",
    module: "src/crypto/log/validators/author.ts",
    lines: [
      ['author?.by.is === "device" && author.by.device.removed !== null', "author === undefined"],
    ],
    fault: ["removed-stays"],
  },
  {
    name: "log-place",
    module: "src/crypto/log/validators/place.ts",
    lines: [["equalBytes(entry.previous, state.head.hash)", "state.head.n >= 0"]],
    fault: ["log-garbage"],
  },
  {
    name: "log-number",
    module: "src/crypto/log/validators/place.ts",
    lines: [["entry.n === state.head.n + 1\n    ? null", "entry.n > state.head.n\n    ? null"]],
    fault: ["log-garbage"],
  },
  {
    name: "older-log",
    module: "src/sync/team/team.ts",
    lines: [["if (made.epoch > newest.number) return olderLog();", ""]],
    fault: ["log-rollback"],
  },
  {
    name: "log-team",
    module: "src/crypto/log/validators/place.ts",
    lines: [
      [
        "entry.team === teamTag(state.team) ? null",
        "entry.team === teamTag(state.team) || entry.n > 0 ? null",
      ],
    ],
    fault: ["log-garbage"],
  },
  {
    name: "consent",
    module: "src/crypto/log/validators/add-device.ts",
    lines: [["return verify(body.signKey, said, body.consent)", "return said.length > 0"]],
    fault: ["unconsented-device"],
  },
  {
    name: "role-rights",
    module: "src/crypto/log/validators/members.ts",
    lines: [
      [
        'body.kind === "role" && author !== null && author.role !== "owner"',
        'body.kind === "role" && author === null',
      ],
    ],
    fault: ["log-garbage"],
  },
  {
    name: "removal-rights",
    module: "src/crypto/log/validators/members.ts",
    lines: [["return entitled || removesWhatIsOver(judged)", "return entitled || !entitled"]],
    fault: ["log-garbage"],
  },
  {
    name: "access-rights",
    module: "src/crypto/log/validators/members.ts",
    lines: [
      [
        'body.kind === "project-access" && author !== null && !leads(author)',
        'body.kind === "project-access" && author === null',
      ],
    ],
    fault: ["log-garbage"],
  },
  {
    name: "rename-rights",
    module: "src/crypto/log/validators/members.ts",
    lines: [
      [
        "device !== undefined && device.removed === null && device.member === author.member",
        "device !== undefined",
      ],
    ],
    fault: ["log-garbage"],
  },
  {
    name: "invite-rights",
    module: "src/crypto/log/validators/invite.ts",
    lines: [
      [
        'body.kind !== "invite" || author === null || mayInvite(author.role, body.admits)',
        'body.kind !== "revoke-invite" || author !== null',
      ],
    ],
    fault: ["log-garbage"],
  },
  {
    name: "epoch-rights",
    module: "src/crypto/log/validators/epoch.ts",
    lines: [
      [
        'body.kind !== "epoch" || author === null || leads(author) || state.rotationDue',
        'body.kind !== "epoch" || author === null || leads(author) || state.epochs.length > 0',
      ],
    ],
    fault: ["log-garbage"],
  },
  {
    name: "epoch-recipients",
    module: "src/crypto/log/validators/epoch.ts",
    lines: [
      [
        "return due.length === listed.size && due.every(([id]) => listed.has(id))",
        "return due.length >= listed.size",
      ],
    ],
    fault: ["false-epoch-keys"],
  },
  {
    name: "log-pin",
    module: "src/crypto/log/history.ts",
    lines: [["const fault = pinned && pinFault(all, pinned);", "const fault = null;"]],
    fault: ["log-rollback"],
  },
  {
    name: "log-end",
    module: "src/sync/team/team.ts",
    lines: [
      ["until ??= listed;", "until = listed;"],
      ["until ??= page.value.listed;", "until = page.value.listed;"],
    ],
    fault: ["endless-log"],
  },
  {
    name: "log-distrust",
    module: "src/sync/exchange.ts",
    lines: [
      [
        'if (type !== "log-fork" && type !== "log-rollback") return asked;',
        'if (type === "log-fork" || type === "log-rollback") return ok(true);\n    return asked;',
      ],
    ],
    fault: ["log-rollback"],
  },
  {
    name: "fence",
    module: "src/crypto/log/state.ts",
    lines: [
      [
        "return device.removed === null || row.n <= fenceAt(device.removed.fences, row.stream);",
        "return true;",
      ],
    ],
    fault: ["removed-stays"],
  },
  {
    name: "log-before-rows",
    module: "src/sync/exchange.ts",
    lines: [
      ["const known = team.isUpToDate(page.value.listed)", "const known = page.value.listed >= 0"],
    ],
    fault: ["removed-stays"],
  },
  {
    name: "unknown-author",
    module: "src/sync/exchange.ts",
    lines: [
      [
        "return team.signKeyOf(device) !== null && epoch <= team.keys.newest.epoch;",
        "return true;",
      ],
    ],
    fault: ["new-device", "drop"],
  },
  {
    name: "new-key",
    module: "src/crypto/log/epoch.ts",
    lines: [["epochKey: new Secret(random(KEY_BYTES)),", "epochKey: keys.epochKey,"]],
    fault: ["removed-stays"],
  },
  {
    name: "new-secret",
    module: "src/crypto/log/epoch.ts",
    lines: [["teamSecret: new Secret(random(TEAM_SECRET_BYTES)),", "teamSecret: keys.teamSecret,"]],
    fault: ["removed-stays"],
  },
  {
    name: "box-recipient",
    module: "src/crypto/log/epoch.ts",
    lines: [
      [
        "for (const device of standingDevices(state, nowMs)) {\n    const box = sealKeys(state, keys, device, nowMs, random);",
        "for (const device of state.devices.keys()) {\n    const listed = state.devices.get(device) as ListedDevice;\n    const known = { ...state, devices: new Map([[device, { ...listed, removed: null }]]) };\n    const box = sealKeys(known, keys, device, nowMs, random);",
      ],
    ],
    fault: ["removed-stays"],
  },
  {
    name: "epoch-commitment",
    module: "src/crypto/log/commitment.ts",
    lines: [["equalBytes(epoch.commitment, commitmentTo(keys))", "commitmentTo(keys).length > 0"]],
    fault: ["false-epoch-keys"],
  },
  {
    name: "newest-box",
    module: "src/crypto/log/key-box.ts",
    lines: [["const newest = keys.epoch === state.epochs.length;", "const newest = true;"]],
    fault: ["keys-withheld"],
  },
  {
    name: "record-commitment",
    module: "src/crypto/log/epoch.ts",
    lines: [["return former && isKeyOf(state, former) ? former : null;", "return former;"]],
    fault: ["false-epoch-keys"],
  },
  {
    name: "lacking-keys",
    module: "src/sync/team/team.ts",
    lines: [
      [
        "return taken.ok || !LACKS_KEYS.has(taken.fault.type) ? taken : this.refresh();",
        "return taken;",
      ],
    ],
    fault: ["false-epoch-keys"],
  },
  {
    name: "joiner-keys",
    module: "src/sync/team/enter.ts",
    lines: [
      ["if (!isKeyOf(state, keys) || !isIdKeyOf(state, keys.idKey)) return notTheTeams();", ""],
    ],
    fault: ["false-team"],
  },
  {
    name: "kdf",
    module: "src/crypto/kdf.ts",
    lines: [["if (!withinLimits(kdf, limits))", "if (false)"]],
    fault: ["weak-kdf"],
  },
  {
    name: "attestation",
    module: "src/sync/marks.ts",
    lines: [['return attested ? "attested" : "waiting";', 'return "attested";']],
    fault: ["false-snapshot"],
  },
  {
    name: "attested-by-maker",
    module: "src/sync/marks.ts",
    lines: [['by("attest")(word) && word.device !== maker', 'by("attest")(word)']],
    fault: ["false-snapshot"],
  },
  {
    name: "dispute",
    module: "src/sync/marks.ts",
    lines: [['if (last > 0) return "disputed";', ""]],
    fault: ["false-attestation"],
  },
  {
    name: "dispute-heard",
    module: "src/sync/reader.ts",
    lines: [["if (header.kind === KIND_DISPUTE)", "if (false)"]],
    fault: ["false-snapshot"],
  },
  {
    name: "vouch-rights",
    module: "src/sync/marks.ts",
    lines: [
      [
        'by("vouch")(word) && leads(word.device) && word.n > last',
        'by("vouch")(word) && word.n > last',
      ],
    ],
    fault: ["false-attestation"],
  },
  {
    name: "inside",
    module: "src/sync/jump.ts",
    lines: [["return doc?.owner === owner && there && isInside(known, there);", "return true;"]],
    fault: ["false-attestation"],
  },
  {
    name: "inside-ahead",
    module: "src/sync/compaction.ts",
    lines: [["if (!holdsAll({ isTakenBack }, known, built.value.documents)) return ok(true);", ""]],
    fault: ["false-attestation"],
  },
  {
    name: "unattested",
    module: "src/sync/jump.ts",
    lines: [['if (standing !== "attested" && options.hasOthers(maker))', "if (false)"]],
    fault: ["unattested"],
  },
  {
    name: "snapshot-parent",
    module: "src/sync/compaction.ts",
    lines: [['if (found && !sameParent(found.snapshot.parent, base)) return ok("ignored");', ""]],
    fault: ["two-snapshots"],
  },
  {
    name: "snapshot-history",
    module: "src/sync/crossing.ts",
    lines: [
      [
        'return equalBytes(pin.hash, pin.is === "row" ? rowHash : h);',
        'return pin.is === "place" || equalBytes(pin.hash, rowHash);',
      ],
    ],
    fault: ["dropped-hash"],
  },
  {
    name: "snapshot-rows",
    module: "src/sync/compaction.ts",
    lines: [["return ok(agreed && equalBytes(at.h, cursor.h) ? rows : null);", "return ok(rows);"]],
    fault: ["other-rows"],
  },
  {
    name: "snapshot-log",
    module: "src/sync/compaction.ts",
    lines: [["const team = this.#options.team.asOf(entry);", "const { team } = this.#options;"]],
    fault: ["retire", "snapshots", "delay"],
  },
  {
    name: "held",
    module: "src/sync/exchange.ts",
    lines: [["if (this.#isHeldInVain(key, found)) {", "if (false) {"]],
    fault: ["two-snapshots"],
  },
  {
    name: "retired-let-go",
    module: "src/sync/exchange.ts",
    lines: [
      [
        "!here && owner !== null && this.#isTakenBack(id, owner)",
        "here && owner === null && this.#isTakenBack(id, owner)",
      ],
    ],
    fault: ["retire"],
  },
  {
    name: "retired-unsent",
    module: "src/sync/flights.ts",
    lines: [
      ["if (held.retired) return;", ""],
      ["if ((await this.#options.store.document(doc))?.retired)", "if (false)"],
    ],
    fault: ["retire"],
  },
  {
    name: "retired-owner",
    module: "src/sync/rebuild.ts",
    lines: [
      [
        "documents: [...before.values()].map((doc) =>\n      team.isTakenBack(wireId(doc.id), doc.owner) ? { ...doc, ...NOTHING_OF_IT } : doc,",
        "documents: [...before.values()].filter((doc) =>\n      !team.isTakenBack(wireId(doc.id), doc.owner),",
      ],
    ],
    fault: ["row-after-retire"],
  },
  {
    name: "retire-rights",
    module: "src/crypto/log/state.ts",
    lines: [["(forAll || writer === member)", '(forAll || writer !== undefined || member === "")']],
    fault: ["false-retire"],
  },
  {
    name: "retire-member",
    module: "src/crypto/log/validators/retire.ts",
    lines: [
      ['(scope.what === "member" && scope.member === author.member)', 'scope.what === "member"'],
    ],
    fault: ["false-retire"],
  },
];
