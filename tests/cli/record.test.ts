/** A record of all that a relay receives while people use a team: only what the threat model says, in sizes that say nothing. */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { KIND_ATTEST, KIND_SNAPSHOT, KIND_UPDATE } from "../../src/crypto/header.ts";
import { KINDS } from "../../src/crypto/log/body.ts";
import { FRAMES, FUNCTIONS, LINES, TABLES } from "./record/allowed.ts";
import { everyValue, formsOf, found, functionOf, misshapen, unlisted } from "./record/checks.ts";
import { describeRecord, namesIn } from "./record/document.ts";
import { bytesOf } from "./record/forms.ts";
import type { AskedOfRelay, Received } from "./record/received.ts";
import { type Needle, play, type Played } from "./record/scenario.ts";

let played: Played;
beforeAll(async () => {
  played = await play();
}, 480_000);

const read = (path: string): string =>
  readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

describe("what the relay received", () => {
  it("is of a whole day: every kind of entry that commands make, changes, a snapshot and its attest", () => {
    const column = (table: string, name: string) => {
      const rows = played.received.tables.find((each) => each.name === table)?.rows;
      return new Set(rows?.map((row) => row[name]));
    };
    expect(column("public.cloud_log", "kind")).toEqual(
      new Set(KINDS.filter((kind) => kind !== "project-access")),
    );
    expect(column("public.cloud_rows", "kind")).toEqual(
      new Set([KIND_UPDATE, KIND_SNAPSHOT, KIND_ATTEST]),
    );
    const epochs = [...column("public.cloud_log", "epoch")].filter((epoch) => epoch !== null);
    const keys = played.needles.filter(({ what }) => what.startsWith("the key of epoch"));
    expect(new Set(keys.map(({ what }) => Number(what.split(" ").at(-1))))).toEqual(
      new Set(epochs.map(Number)),
    );
  });

  it("are the functions, arguments, frames, tables and columns of the list, and all of them", () => {
    expect(unlisted(played.received)).toEqual([]);
  });

  it("has the form that the list says: padded rows, entries and keys of one size, opaque ids, fixed topics", () => {
    expect(misshapen(played.received, played.needles)).toEqual([]);
  });

  it("names nothing: no title, text, path, name, local id, passphrase, password, key or address", () => {
    const kinds = new Set(played.needles.map(({ what }) => what.replace(/[:\d].*$/, "").trim()));
    expect([...kinds].toSorted()).toEqual(
      [
        ["a device's box key", "a device's signing key", "a kit", "a kit's secret"],
        [
          "a local id dec_",
          "a local id proj_",
          "a local id ses_",
          "a machine's name",
          "a password",
        ],
        [
          "a passphrase",
          "a path",
          "a text",
          "a title",
          "an agent's session id",
          "an e-mail address",
        ],
        [
          "an invite",
          "an invite's secret",
          "the key of epoch",
          "the team id key",
          "the team secret",
        ],
        ["the team's name"],
      ]
        .flat()
        .toSorted(),
    );
    expect(found(played.received, played.needles)).toEqual([]);
  });

  it("is what docs/RELAY-RECORD.md says", () => {
    const document = read("docs/RELAY-RECORD.md");
    expect(namesIn(document)).toEqual(namesIn(describeRecord(played.received)));
    expect(namesIn(document).length).toBe(
      [FUNCTIONS, FRAMES, TABLES].flatMap((list) => Object.keys(list)).length,
    );
  });

  it("each is covered by a line of the threat model, and each line by something", () => {
    const [, section = ""] = read("docs/THREAT-MODEL.md").split("## What the server learns");
    const lines = [...(section.split("\n## ")[0] ?? "").matchAll(/^- \*\*([^*]+)\*\*/gm)];
    expect(lines.map(([, name]) => String(name)).toSorted()).toEqual(
      Object.values(LINES).toSorted(),
    );
    const used = [FUNCTIONS, FRAMES, TABLES].flatMap((list) =>
      Object.values(list).flatMap((fields) => Object.values(fields).map(([, line]) => line)),
    );
    expect(new Set(used)).toEqual(new Set([...Object.keys(LINES), "own"]));
  });
});

/** A record with one request or frame more, or a row of a table. */
const plantIn = (base: Received) => {
  const call = (name: string, change: (body: Record<string, unknown>) => void): Received => {
    const like = base.requests.find((asked) => functionOf(asked) === name) as AskedOfRelay;
    const body = JSON.parse(like.body.toString()) as Record<string, unknown>;
    change(body);
    const more = { ...like, body: Buffer.from(JSON.stringify(body)) };
    return { ...base, requests: [...base.requests, more] };
  };
  return {
    call,
    row: (change: (row: Buffer) => Buffer | void): Received =>
      call("cloud_push", (body) => {
        const row = Buffer.from(bytesAt("cloud_push", "rows[]"));
        body["rows"] = [Buffer.from(change(row) ?? row).toString("base64")];
      }),
    frame: (data: Buffer, binary: boolean): Received => ({
      ...base,
      frames: [...base.frames, { from: "device", data, binary }],
    }),
    cell: (table: string, column: string, value: unknown): Received => ({
      ...base,
      tables: base.tables.map((each) =>
        each.name === table
          ? { ...each, rows: [...each.rows, { ...each.rows[0], [column]: value }] }
          : each,
      ),
    }),
  };
};
const withCall: Plant["call"] = (...what) => plantIn(played.received).call(...what);
const withRow: Plant["row"] = (...what) => plantIn(played.received).row(...what);
const withFrame: Plant["frame"] = (...what) => plantIn(played.received).frame(...what);
const withCell: Plant["cell"] = (...what) => plantIn(played.received).cell(...what);
type Plant = ReturnType<typeof plantIn>;

/** One call of each function and one row of each table: it is searched many times. */
const small = ({ requests, frames: [frame], tables, log }: Received): Received => ({
  requests: [...new Map(requests.map((asked) => [functionOf(asked), asked])).values()],
  frames: frame ? [frame] : [],
  tables: tables.map((table) => ({ ...table, rows: table.rows.slice(0, 1) })),
  log,
});
/** Some value that was sent there. */
const bytesAt = (of: string, field: string): Buffer => {
  const sent = everyValue(played.received).filter((at) => at.of === of && at.field === field);
  return sent.map(({ value }) => bytesOf(value)).find((bytes) => bytes !== null) as Buffer;
};
const faultsOf = (received: Received): readonly string[] => misshapen(received, played.needles);

describe("the check finds", () => {
  const needleOf = (what: string): Needle =>
    played.needles.find((each) => each.what === what) as Needle;
  const NEEDLES = ["a title", "a path", "a local id ses_", "a passphrase", "the team secret"];

  it.each(NEEDLES)(
    "%s in a row's ciphertext, an argument, a frame and a cell, in every form",
    (what) => {
      const needle = needleOf(what);
      const plant = plantIn(small(played.received));
      for (const form of formsOf(needle.bytes)) {
        const text = `around ${form.toString("latin1")} it`;
        const bytes = Buffer.from(text, "latin1");
        // A row's bytes hold any form; JSON only those that are text.
        const places: [string, Received][] = [
          ["cloud_push", plant.row((row) => void form.copy(row, 150))],
          ["public.cloud_rows", plant.cell("public.cloud_rows", "body", bytes)],
          ["device: row", plant.frame(saying(bytes), true)],
        ];
        if (/^[\x20-\x7e]+$/.test(text))
          places.push(["cloud_pull", plant.call("cloud_pull", (body) => (body["team"] = text))]);
        for (const [where, received] of places)
          expect(found(received, [needle])).toContain(`${what} in ${where}`);
      }
    },
  );

  it("base64 of text in bytes that are base64 themselves", () => {
    const needle = needleOf("a title");
    const inside = Buffer.from(`..${Buffer.from(needle.bytes).toString("base64")}..`);
    const received = withCall("cloud_log_append", (body) => {
      body["entries"] = [{ proof: inside.toString("base64") }];
    });
    expect(found(received, [needle])).toEqual(["a title in cloud_log_append"]);
  });

  it("a password anywhere but in the sign-in, and an address anywhere but in accounts", () => {
    const [password, address] = ["a password", "an e-mail address"].map(needleOf) as [
      Needle,
      Needle,
    ];
    for (const needle of [password, address]) {
      const text = Buffer.from(needle.bytes).toString();
      const received = withCall("cloud_heads", (body) => (body["team"] = text));
      expect(found(received, [needle])).toEqual([`${needle.what} in cloud_heads`]);
      expect(found(withCell("public.cloud_members", "role", text), [needle])).toHaveLength(1);
    }
    const text = Buffer.from(password.bytes).toString();
    expect(found(withCell("auth.users", "encrypted_password", text), [password])).toHaveLength(1);
    // Where they may stand they do: the search sees these places.
    for (const { what, bytes } of [password, address])
      expect(found(played.received, [{ what, bytes }]).length).toBeGreaterThan(0);
  });

  it("any local id, also one that nobody made", () => {
    const id = "dec_01ARZ3NDEKTSV4RRFFQ69G5FAV";
    const received = withCall("cloud_heads", (body) => (body["team"] = id));
    expect(found(received, [])).toEqual(["a local id in cloud_heads"]);
  });

  it("a function, an argument, an event or a column that is not in the list, and one that is missing", () => {
    const push = played.received.requests.find((each) => functionOf(each) === "cloud_push");
    const other = { ...(push as AskedOfRelay), url: "/rest/v1/rpc/cloud_tell" };
    const requests = [...played.received.requests, other];
    expect(unlisted({ ...played.received, requests })).toContain("not allowed: cloud_tell");
    expect(unlisted(withCall("cloud_heads", (body) => (body["title"] = 1)))).toEqual([
      "not allowed: cloud_heads · title",
    ]);
    const frame = Buffer.from(JSON.stringify([null, null, "phoenix", "gossip", {}]));
    expect(unlisted(withFrame(frame, false))).toEqual(["not allowed: device: gossip"]);
    expect(unlisted(withCell("public.cloud_rows", "path", "x"))).toEqual([
      "not allowed: public.cloud_rows · path",
    ]);
    const without = requests.filter((each) => !each.url.endsWith("/cloud_compact"));
    expect(unlisted({ ...played.received, requests: without })).toContain(
      "never seen: cloud_compact",
    );
  });

  it("a row of no padded size or that is not sealed, and keys, entries and hashes of another size", () => {
    const longer = withRow((row) => Buffer.concat([row, Buffer.alloc(1)]));
    expect(faultsOf(longer)).toEqual([expect.stringContaining("which is no padded size")]);
    const open = withRow((row) => void row.fill(0, 200));
    expect(faultsOf(open)).toEqual([expect.stringContaining("not sealed")]);
    for (const [of, field] of [
      ["cloud_log_append", "entries[].entry"],
      ["cloud_log_append", "entries[].epoch.boxes.{device}"],
      ["cloud_log_append", "entries[].epoch.record"],
      ["cloud_log_append", "entries[].epoch.key_record"],
      ["cloud_log_append", "entries[].invite.bundle"],
      ["cloud_log_append", "entries[].invite.email_hash"],
      ["cloud_invite_open", "proof"],
    ] as const) {
      const [, ...names] = field.replace("{device}", "0".repeat(32)).split(/\[\]\.|\./);
      const value = Buffer.concat([bytesAt(of, field), Buffer.alloc(1)]).toString("base64");
      const received = withCall(of, (body) => {
        if (names.length === 0) body[field] = value;
        else
          body["entries"] = [
            names.reduceRight<unknown>((inner, name) => ({ [name]: inner }), value),
          ];
      });
      expect(faultsOf(received), field).toEqual([expect.stringContaining(`${of} · ${field}`)]);
    }
  });

  it("a header's field that is a local id or another's, a device, project or topic that is none", () => {
    const id = played.needles.find(
      ({ what, bytes }) => what === "a local id dec_" && bytes.length === 16,
    ) as Needle;
    const opaque = /header whose (\w+) is not opaque/;
    for (const [at, field, bytes] of [
      [35, "document", id.bytes],
      [67, "replica", Buffer.from("ses_01ARZ3NDEKTS")],
      [3, "team", id.bytes],
      [19, "project", id.bytes],
      [51, "device", id.bytes],
    ] as const)
      expect(
        faultsOf(withRow((row) => row.set(bytes, at))).map((fault) => opaque.exec(fault)?.[1]),
      ).toEqual([field]);
    const topic = ["1", "1", "realtime:team:Marmalade", "phx_leave", {}];
    expect(faultsOf(withFrame(Buffer.from(JSON.stringify(topic)), false))).toEqual([
      "device: phx_leave: the topic realtime:team:Marmalade",
    ]);
  });

  it("a header that is not in the list or says more", () => {
    const [first] = played.received.requests as [AskedOfRelay];
    const rawHeaders = ["X-Client-Info", "linux 6.1", "X-Machine", "tin"];
    expect(faultsOf({ ...played.received, requests: [{ ...first, rawHeaders }] })).toEqual([
      "header X-Client-Info: linux 6.1",
      "header X-Machine: tin",
    ]);
  });
});

/** A binary frame as a device sends it. */
function saying(payload: Buffer): Buffer {
  const [topic, event] = [Buffer.from("phoenix"), Buffer.from("row")];
  const lengths = Buffer.from([3, 0, 0, topic.length, event.length, 0, 0]);
  return Buffer.concat([lengths, topic, event, payload]);
}
