import fc from "fast-check";
import { deflateSync } from "fflate";
import { describe, expect, test, vi } from "vitest";
import { type Bytes, concatBytes, equalBytes, fromHex, utf8 } from "../../src/base/bytes.ts";
import { unwrap } from "../../src/base/result.ts";
import { Secret } from "../../src/base/secret.ts";
import { sign } from "../../src/crypto/device.ts";
import { labelBytes, u32 } from "../../src/crypto/hash.ts";
import {
  encodeHeader,
  HEADER_BYTES,
  KIND_ATTEST,
  KIND_DISPUTE,
  KIND_SNAPSHOT,
  KIND_VOUCH,
  peekHeader,
  projectTag,
} from "../../src/crypto/header.ts";
import { paddedSize } from "../../src/crypto/padding.ts";
import {
  encodeRow,
  openRow,
  PART_BYTES,
  type Proof,
  ROW_MAX_BYTES,
  rowHash,
} from "../../src/crypto/row.ts";
import { inner, padded, rogueRow } from "./rogue.ts";
import {
  content,
  device,
  header,
  key,
  noise,
  other,
  row,
  seededRandom,
  stream,
} from "./samples.ts";

const bySignature: Proof = { by: "signature", signKey: device.signKey };
const open = (bytes: Bytes, proof: Proof = bySignature, expected = stream) =>
  openRow(bytes, expected, proof, () => key);
const faultOf = (bytes: Bytes, proof: Proof = bySignature, expected = stream) => {
  const opened = open(bytes, proof, expected);
  return opened.ok ? null : opened.fault.type;
};

describe("C8", () => {
  test("C8: the header stands at fixed places", () => {
    const bytes = row({ epoch: 0x01020304, seq: 7, previous: fromHex("cd".repeat(32)) });
    expect([...bytes.subarray(0, 3)]).toEqual([1, 1, 1]);
    expect([...bytes.subarray(83, 91)]).toEqual([1, 2, 3, 4, 0, 0, 0, 7]);
    expect(bytes.slice(91, 123)).toEqual(fromHex("cd".repeat(32)));
    expect(unwrap(peekHeader(bytes))).toEqual(
      header({ epoch: 0x01020304, seq: 7, previous: fromHex("cd".repeat(32)) }),
    );
  });

  test("C8: a header has one encoding", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: HEADER_BYTES, maxLength: HEADER_BYTES }), (noisy) => {
        const bytes = noisy.slice();
        bytes.set([1, 1]);
        const peeked = peekHeader(bytes);
        if (peeked.ok) expect(encodeHeader(peeked.value)).toEqual(bytes);
      }),
    );
  });

  test("C8: a chain's first row, and no other, has number 1 and no row before it", () => {
    expect(faultOf(row({ seq: 0 }))).toBe("row-malformed");
    expect(faultOf(row({ seq: 2 }))).toBe("row-malformed");
    expect(faultOf(row({ seq: 1, previous: fromHex("01".repeat(32)) }))).toBe("row-malformed");
  });

  test("C8: a project's tag is its UUID's digits, and never the tag of 'no project'", () => {
    expect(projectTag("0191d3a0-7c1e-7b2a-9c3d-111111111111")).toBe(
      "0191d3a07c1e7b2a9c3d111111111111",
    );
    expect(() => projectTag("00000000-0000-0000-0000-000000000000")).toThrow(RangeError);
    expect(() => projectTag("0191D3A0-7c1e-7b2a-9c3d-111111111111")).toThrow(RangeError);
  });
});

describe("C9", () => {
  test("C9: what was sealed is what is opened", () => {
    fc.assert(
      fc.property(
        fc.record({
          body: fc.uint8Array({ maxLength: 3000 }),
          n: fc.nat({ max: 2 ** 48 - 1 }),
          document: fc.string({ maxLength: 60, unit: "grapheme" }),
        }),
        ({ body, n, document }) => {
          const said = content({
            body: body.slice(),
            head: { n, h: noise(32) },
            document: document.slice(0, 50),
          });
          const bytes = encodeRow(header(), said, { device, document: key }, seededRandom("any"));
          const opened = open(bytes);
          expect(opened.ok && opened.value).toEqual({ header: header(), content: said });
        },
      ),
      { numRuns: 200 },
    );
  });

  test("C9: a name that begins with a byte order mark keeps it", () => {
    const named = row({}, { document: "\uFEFFdec_1" });
    expect(unwrap(open(named)).content.document).toBe("\uFEFFdec_1");
  });

  test("C9: any byte changed, added or taken away: refused", () => {
    const rows = [
      row(),
      row({}, { body: utf8("again ".repeat(200)) }),
      row({ project: null }, { body: noise(300) }),
    ];
    for (const bytes of rows) {
      const expected = { ...stream, project: unwrap(peekHeader(bytes)).project };
      expect(openRow(bytes, expected, bySignature, () => key).ok).toBe(true);
      for (let i = 0; i < bytes.length; i++) {
        const changed = bytes.slice();
        changed[i] = (changed[i] as number) ^ (1 << (i % 8));
        expect(openRow(changed, expected, bySignature, () => key).ok, `byte ${i}`).toBe(false);
        expect(openRow(bytes.slice(0, i), expected, bySignature, () => key).ok, `cut at ${i}`).toBe(
          false,
        );
      }
      for (const more of [1, 16, 256])
        expect(
          openRow(concatBytes(bytes, new Uint8Array(more)), expected, bySignature, () => key).ok,
        ).toBe(false);
    }
  });

  test("C9: arbitrary bytes are refused, and never throw", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), fc.boolean(), (noisy, known) => {
        const bytes = noisy.slice();
        if (known && bytes.length > 3) bytes.set([1, 1, 1]);
        expect(open(bytes).ok).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });

  test("C9: arbitrary plaintext from a member is refused or read, and never throws", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat({ max: 2 }), (noisy, flags) => {
        const bytes = noisy.slice();
        if (bytes.length > 42) bytes[42] = flags;
        const opened = open(rogueRow(padded(bytes)));
        if (opened.ok) expect(opened.value.content.body.length).toBeLessThanOrEqual(PART_BYTES);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("C10", () => {
  test("C10: a row of another stream, device, key or document has a fault of its own", () => {
    const bytes = row();
    expect(faultOf(bytes, bySignature, { ...stream, project: "22".repeat(16) })).toBe("row-moved");
    expect(faultOf(bytes, bySignature, { ...stream, team: "22".repeat(16) })).toBe("row-moved");
    expect(faultOf(bytes, { by: "signature", signKey: other.signKey })).toBe("row-signature");
    const wrongKey = openRow(bytes, stream, bySignature, () => new Secret(noise(32)));
    expect(wrongKey.ok ? null : wrongKey.fault.type).toBe("row-sealed");
    const noKey = openRow(bytes, stream, bySignature, () => null);
    expect(noKey.ok ? null : noKey.fault.type).toBe("row-sealed");
    expect(faultOf(new Uint8Array(255))).toBe("row-malformed");
    expect(faultOf(new Uint8Array(ROW_MAX_BYTES + 1))).toBe("row-malformed");
  });

  test("C10: a row says of what version it is before anything else is asked", () => {
    const newer = row();
    newer[0] = 2;
    expect(faultOf(newer)).toBe("row-unknown");
    const suite = row();
    suite[1] = 9;
    expect(faultOf(suite)).toBe("row-unknown");
  });

  test("C10: a row of an unknown kind or flag is proven first, then called unknown", () => {
    expect(faultOf(row({ kind: 9 }))).toBe("row-unknown");
    expect(faultOf(row({ kind: 9 }), { by: "signature", signKey: other.signKey })).toBe(
      "row-signature",
    );
    expect(faultOf(rogueRow(padded(inner(2, utf8("body")))))).toBe("row-unknown");
  });

  test("C10: content that contradicts itself is refused", () => {
    expect(faultOf(rogueRow(padded(inner(0, utf8("body")))))).toBe(null);
    expect(faultOf(rogueRow(padded(inner(0, utf8("body"), 0, 0))))).toBe("row-content");
    expect(faultOf(rogueRow(padded(inner(0, utf8("body"), 3, 3))))).toBe("row-content");
    expect(faultOf(rogueRow(padded(new Uint8Array(10))))).toBe("row-content");
    const badName = inner(0, utf8("body"));
    badName[44] = 200;
    expect(faultOf(rogueRow(padded(badName)))).toBe("row-content");
  });
});

describe("C11", () => {
  test("C11: sizes are 256 bytes and then Padmé's", () => {
    expect([0, 1, 255, 256, 257, 300, 1000, 1025, 9999, 100_000].map(paddedSize)).toEqual([
      256, 256, 256, 256, 272, 304, 1024, 1088, 10_240, 100_352,
    ]);
    fc.assert(
      fc.property(fc.integer({ min: 257, max: ROW_MAX_BYTES }), (size) => {
        const padded = paddedSize(size);
        expect(padded).toBeGreaterThanOrEqual(size);
        expect(padded / size).toBeLessThan(1.12);
        expect(paddedSize(padded)).toBe(padded);
      }),
    );
  });

  test("C11: every row has a padded size", () => {
    for (const size of [0, 1, 100, 5000, PART_BYTES]) {
      const bytes = row({}, { body: noise(size) });
      expect(paddedSize(bytes.length)).toBe(bytes.length);
    }
  });

  test("C11: padding has one form: zeros, to the smallest size that fits", () => {
    const honest = padded(inner(0, utf8("body")));
    expect(faultOf(rogueRow(honest))).toBe(null);
    const dirty = honest.slice();
    dirty[dirty.length - 1] = 1;
    expect(faultOf(rogueRow(dirty))).toBe("row-padding");
    const larger = concatBytes(
      honest,
      new Uint8Array(512 - (HEADER_BYTES + 24 + 16 + 64) - honest.length),
    );
    expect(faultOf(rogueRow(larger))).toBe("row-padding");
    const lying = honest.slice();
    lying.set(u32(0xffffffff));
    expect(faultOf(rogueRow(lying))).toBe("row-padding");
  });
});

describe("C12", () => {
  test("C12: a body is deflated when that is shorter", () => {
    const repeated = row({}, { body: utf8("the same words ".repeat(500)) });
    expect(repeated.length).toBeLessThan(600);
    const random = noise(2000);
    expect(row({}, { body: random }).length).toBe(
      paddedSize(123 + 24 + 4 + 45 + 30 + 2000 + 16 + 64),
    );
  });

  test("C12: what would inflate beyond 128 KiB, or beyond what it says, is refused before it is allocated", () => {
    const bomb = deflateSync(new Uint8Array(PART_BYTES + 1));
    const tooLarge = rogueRow(padded(inner(1, concatBytes(u32(PART_BYTES + 1), bomb))));
    const lying = rogueRow(padded(inner(1, concatBytes(u32(100), bomb))));
    const short = rogueRow(padded(inner(1, concatBytes(u32(100), deflateSync(utf8("short"))))));
    const honest = rogueRow(padded(inner(1, concatBytes(u32(5), deflateSync(utf8("short"))))));
    const largest = { bytes: 0 };
    const RealArray = Uint8Array;
    vi.stubGlobal(
      "Uint8Array",
      new Proxy(RealArray, {
        construct(target, args: [number]) {
          if (typeof args[0] === "number") largest.bytes = Math.max(largest.bytes, args[0]);
          return Reflect.construct(target, args) as object;
        },
      }),
    );
    try {
      expect([tooLarge, lying, short].map((bytes) => faultOf(bytes))).toEqual([
        "row-content",
        "row-content",
        "row-content",
      ]);
    } finally {
      vi.unstubAllGlobals();
    }
    expect(largest.bytes).toBeLessThan(100_000);
    expect(faultOf(honest)).toBe(null);
  });

  test("C12: a row takes a body of 128 KiB and stays under the server's cap; a larger one is the caller's bug", () => {
    expect(row({}, { body: noise(PART_BYTES) }).length).toBeLessThanOrEqual(ROW_MAX_BYTES);
    expect(() => row({}, { body: noise(PART_BYTES + 1) })).toThrow(RangeError);
    for (const parts of [1, 2]) {
      const zeros = new Uint8Array(PART_BYTES + 1);
      const part = inner(1, concatBytes(u32(PART_BYTES + 1), deflateSync(zeros)), 0, parts);
      expect(faultOf(rogueRow(padded(part)))).toBe("row-content");
    }
  });
});

describe("C13", () => {
  const first = row();
  const second = header({ seq: 2, previous: rowHash(first) });

  test("C13: a proven successor proves the row whose hash it names", () => {
    expect(faultOf(first, { by: "successor", header: second })).toBe(null);
  });

  test("C13: it proves no other row, and none of another replica, device, document or place", () => {
    const { previous } = second;
    const changed = [
      { previous: noise(32) },
      { seq: 3, previous },
      { replica: "11".repeat(16) },
      { device: other.id },
      { document: "11".repeat(16) },
      { project: null },
    ];
    for (const change of changed)
      expect(faultOf(first, { by: "successor", header: { ...second, ...change } })).toBe(
        "row-signature",
      );
    const resigned = row({}, {}, seededRandom("another nonce"));
    expect(equalBytes(rowHash(resigned), rowHash(first))).toBe(false);
    expect(faultOf(resigned, { by: "successor", header: second })).toBe("row-signature");
  });
});

describe("C19", () => {
  const mark = { n: 2 ** 40 + 7, left: 513 };

  test("C19: a row about a snapshot has a number and what is left of it behind the header, open", () => {
    const bytes = row({ kind: KIND_SNAPSHOT, mark });
    expect([...bytes.subarray(123, 131)]).toEqual([1, 0, 0, 0, 0, 7, 2, 1]);
    const opened = unwrap(open(bytes));
    expect(opened).toEqual({ header: header({ kind: KIND_SNAPSHOT, mark }), content: content() });
    expect(peekHeader(bytes.subarray(0, 130)).ok).toBe(false);
  });

  test("C19: both are authenticated, and no other kind has them", () => {
    for (const at of [123, 128, 129, 130]) {
      const bytes = row({ kind: KIND_SNAPSHOT, mark });
      bytes[at] = (bytes[at] as number) ^ 1;
      expect(faultOf(bytes)).toBe("row-signature");
      const rogue = concatBytes(
        bytes.subarray(0, -64),
        sign(device, concatBytes(labelBytes("row"), bytes.subarray(0, -64))),
      );
      expect(faultOf(rogue)).toBe("row-sealed");
    }
    expect(() => row({ mark })).toThrow(RangeError);
    expect(() => row({ kind: KIND_ATTEST })).toThrow(RangeError);
  });

  test("C19: every size of it is padded as a whole, and opens", () => {
    const kinds = [KIND_SNAPSHOT, KIND_ATTEST, KIND_DISPUTE, KIND_VOUCH];
    for (const [i, size] of [0, 1, 40, 300, 5000, PART_BYTES].entries()) {
      const kind = kinds[i % kinds.length] as number;
      const bytes = row({ kind, mark }, { body: noise(size) });
      expect(bytes.length).toBe(paddedSize(bytes.length));
      expect(unwrap(open(bytes)).content.body).toEqual(noise(size));
    }
  });
});
