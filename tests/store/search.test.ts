import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Store } from "../../src/store/store.ts";
import { createDictionary } from "../../src/store/search/dictionary.ts";
import { createSegment, mergeSegments, readBlock } from "../../src/store/search/segment.ts";
import type { SearchWithin } from "../../src/store/search/within.ts";
import { distanceOf } from "../../src/store/search/nearest.ts";
import { parseQuery } from "../../src/store/search/query.ts";
import { snippetOf } from "../../src/store/search/snippet.ts";
import { partsOf, spots, words } from "../../src/store/search/tokens.ts";
import { NOW, batch, event, eventId, sessionId } from "./captures.ts";
import { openTestStore } from "./help.ts";

async function indexAll(store: Store): Promise<void> {
  while (await store.search.catchUp());
}

async function found(store: Store, query: string): Promise<readonly (string | null)[]> {
  return (await store.views.search(query, 20)).hits.map(
    (hit) => hit.event ?? hit.decision ?? hit.session,
  );
}

describe("words", () => {
  test.each([
    ["Hello, World_2!", ["hello", "world_2"]],
    ["CAFÉ naïve Straße", ["cafe", "naive", "straße"]],
    ["src/store.ts", ["src", "store", "ts"]],
    ["日本語 text かな", ["日", "本", "語", "text", "か", "な"]],
    ["привет МИР", ["привет", "мир"]],
    ["a\u0000b \ud800 x", ["a", "b", "x"]],
    ["12→né │ x…y⎿z ₂→①", ["12", "ne", "x", "y", "z", "2", "1"]],
    ["", []],
  ])("of %j", (text, expected) => {
    expect(words(text)).toEqual(expected);
    expect([...spots(text)].map(({ word }) => word)).toEqual(expected);
  });

  test("are those of the expression, whatever character stands between", () => {
    for (let code = 0x80; code < 0x3100; code++) {
      const text = `a${String.fromCharCode(code)}b`;
      expect(words(text)).toEqual([...spots(text)].map(({ word }) => word));
    }
  });

  test("are the same by number, of whatever letters", () => {
    const dictionary = createDictionary();
    const texts = [
      "Hello, World_2!",
      "CAFÉ, naïve: Straße",
      "日本語 text かな",
      "a\u0000b \ud800 x",
    ];
    const all = [...texts, "12→né │ x…y⎿z ₂→①", "X".repeat(1_000), "😀 İK Å ﬁ", ""].concat(texts);
    for (const text of [...all, all.join(" "), "é".repeat(100_000)])
      expect([...dictionary.cut(text)].map((number) => dictionary.words[number])).toEqual(
        words(text),
      );
    const many = Array.from({ length: 10_000 }, (_, i) => `w${i}`);
    expect(many.map(dictionary.numberOf)).toEqual([...dictionary.cut(many.join(" "))]);
    expect(new Set(dictionary.words).size).toBe(dictionary.words.length);
  });

  test("are cut, not dropped, when they never end", () => {
    expect(words("x".repeat(1_000))).toEqual(["x".repeat(64)]);
  });
});

describe("parts of identifiers", () => {
  test.each([
    ["fooBar", ["foo", "bar"]],
    ["foo_bar", ["foo", "bar", "foobar"]],
    ["HTTPServer", ["http", "server"]],
    ["parseHTTP2Response", ["parse", "http2", "response"]],
    ["MAX_WORD", ["max", "word", "maxword"]],
    ["__init__", ["init"]],
    ["mcp__git__createIssue", ["mcp", "git", "create", "issue", "mcpgitcreateissue"]],
    ["row_42", ["row", "row42"]],
    ["Hello", []],
    ["README", []],
    ["aB3dEfG7hIjK", []],
    ["one_two_three_four_five_six_seven_eight_nine", []],
  ])("%s", (written, expected) => {
    expect(partsOf(written)).toEqual(expected);
  });

  test("are in the index beside the whole, whatever stands around, once a document", () => {
    const part = fc.stringMatching(/^[a-z]{3,6}$/);
    const identifier = fc
      .tuple(fc.array(part, { minLength: 2, maxLength: 4 }), fc.boolean())
      .map(([parts, isSnake]) => ({
        parts,
        written: isSnake
          ? parts.join("_")
          : parts
              .map((one, i) => (i === 0 ? one : `${one[0]?.toUpperCase()}${one.slice(1)}`))
              .join(""),
      }));
    const sign = fc.constantFrom(" ", "(", "→", "é ", ".", "\n");
    fc.assert(
      fc.property(fc.array(identifier, { minLength: 1 }), sign, (identifiers, between) => {
        const text = identifiers.map(({ written }) => written).join(between);
        const dictionary = createDictionary();
        const numbers = dictionary.cut(text);
        expect([...numbers].map((number) => dictionary.words[number])).toEqual(words(text));
        const segment = createSegment(dictionary, [{ doc: 1, at: 0, bodies: [numbers] }]);
        const held = new Map(
          segment.blocks.flatMap(({ data }) =>
            [...readBlock(data)].map(({ word, postings }) => [word, postings().positions[0] ?? []]),
          ),
        );
        // The accent belongs to the word before it.
        const whole = words(text);
        for (const [i, { parts, written }] of identifiers.entries()) {
          expect(held.get(whole[i] as string)).toContain(i);
          if (between === "é " && i + 1 < identifiers.length) continue;
          for (const word of [...parts, parts.join(""), written.toLowerCase()])
            expect(held.get(word)?.some((at) => at <= i)).toBe(true);
        }
        for (const places of held.values())
          expect(places).toEqual([...new Set(places)].toSorted((a, b) => a - b));
        expect(segment.words).toBe(numbers.length);
      }),
    );
  });
});

describe("a query", () => {
  test.each([
    ["cart total", [["cart"], ["total"]], true],
    ["cart ", [["cart"]], false],
    ['"add to cart" fix', [["add", "to", "cart"], ["fix"]], true],
    ['"add to', [["add", "to"]], true],
    ["src/store.ts", [["src", "store", "ts"]], true],
    ["' ; -- \\ % * ( ", [], false],
  ])("%j", (text, expected, prefix) => {
    const { clauses, filters } = parseQuery(text, NOW);
    expect(filters).toEqual([]);
    expect(clauses.map((clause) => clause.words)).toEqual(expected);
    expect(clauses.at(-1)?.prefix ?? false).toBe(prefix);
  });
});

describe("filters in a query", () => {
  const DAY = 86_400_000;
  test.each([
    ["agent:codex cart", [["cart"]], [{ name: "agent", value: "codex", agents: ["codex"] }]],
    [
      "cart Agent:-CLI",
      [["cart"]],
      [{ name: "agent", value: "-CLI", agents: ["gemini-cli", "copilot-cli"] }],
    ],
    ['project:"my app" "add to"', [["add", "to"]], [{ name: "project", value: "my app" }]],
    [
      "tool:Bash file:src/app.ts model:opus",
      [],
      [
        { name: "tool", value: "Bash" },
        { name: "file", value: "src/app.ts" },
        { name: "model", value: "opus" },
      ],
    ],
    [
      "kind:pr kind:decision",
      [],
      [
        { name: "kind", value: "pr", kinds: ["prompt"] },
        { name: "kind", value: "decision", kinds: ["decision"] },
      ],
    ],
    [
      "after:7d before:2w",
      [],
      [
        { name: "after", value: "7d", at: NOW - 7 * DAY },
        { name: "before", value: "2w", at: NOW - 14 * DAY },
      ],
    ],
    [
      "before:2026-03-01",
      [],
      [{ name: "before", value: "2026-03-01", at: new Date(2026, 2, 1).getTime() }],
    ],
    [
      'size:3 agent: file://tmp/a "tool:x"',
      [["size", "3"], ["agent"], ["file", "tmp", "a"], ["tool", "x"]],
      [],
    ],
    ["agent:pi", [], [{ name: "agent", value: "pi", agents: ["pi"] }]],
    ['agent:"', [], []],
  ])("%j", (text, clauses, filters) => {
    const query = parseQuery(text, NOW);
    expect(query.clauses.map((clause) => clause.words)).toEqual(clauses);
    expect(query.filters).toEqual(filters);
  });

  test.each([
    ["after:2026-02-30", "is no date"],
    ["before:soon", "is no date"],
    ["before:2026-1", "is no date"],
    ["agent:hal", "is no agent known here: claude-code, codex"],
    ["kind:poem", "is no kind of event: prompt, response"],
  ])("a wrong value gives a sentence: %s", (text, sentence) => {
    expect(() => parseQuery(text, NOW)).toThrow(sentence);
  });

  test("stand anywhere among any words, quoted or not, and leave the words alone", () => {
    const piece = fc.oneof(
      fc.string({ maxLength: 12 }).map((text) => text.replaceAll(/["\s:]/gu, "") || "x"),
      fc.string({ maxLength: 12 }).map((text) => `"${text.replaceAll('"', "")}"`),
    );
    const value = fc
      .string({ minLength: 1, maxLength: 12 })
      .map((text) => text.replaceAll('"', ""));
    fc.assert(
      fc.property(fc.array(piece), value, fc.nat(), (pieces, wanted, at) => {
        const place = at % (pieces.length + 1);
        const all = pieces.toSpliced(place, 0, `file:"${wanted}"`);
        const clauses = (text: string) =>
          parseQuery(text, NOW).clauses.map((clause) => clause.words);
        expect(clauses(all.join(" "))).toEqual(clauses(pieces.join(" ")));
        expect(parseQuery(all.join(" "), NOW).filters).toEqual(
          wanted.trim() === "" ? [] : [{ name: "file", value: wanted.trim() }],
        );
      }),
    );
  });
});

describe("a segment", () => {
  test("gives back what went in, also merged, without the dead", () => {
    const dictionary = createDictionary();
    const first = createSegment(dictionary, [
      { doc: 7, at: NOW, bodies: ["a b a", "c"].map(dictionary.cut) },
      { doc: 9, at: 0, bodies: [dictionary.cut("b")] },
    ]);
    const second = createSegment(dictionary, [
      { doc: 300, at: 5, bodies: [dictionary.cut("b zebra")] },
    ]);
    const parts = [second, first].map(({ docs, blocks }) => ({
      docs,
      blocks: blocks.map(({ data }) => data),
    }));
    const merged = mergeSegments(parts, (doc) => doc !== 9);
    const index = merged.blocks.flatMap(({ data }) =>
      [...readBlock(data)].map(({ word, postings }) => [word, postings()]),
    );
    expect(index).toEqual([
      ["a", { docs: [7], positions: [[0, 2]] }],
      ["b", { docs: [7, 300], positions: [[1], [0]] }],
      ["c", { docs: [7], positions: [[11]] }],
      ["zebra", { docs: [300], positions: [[1]] }],
    ]);
    expect(merged.docs.map(({ doc }) => doc)).toEqual([7, 300]);
    expect(merged.words).toBe(6);
  });
});

describe("a distance between words", () => {
  test.each([
    ["checkout", "chekcout", 1],
    ["cart", "crat", 1],
    ["cart", "cat", 1],
    ["cat", "cart", 1],
    ["cart", "care", 1],
    ["abcd", "badc", 2],
    ["cart", "", 4],
    ["kitten", "sitting", 3],
  ])("%s, %s", (a, b, expected) => {
    expect(distanceOf(a, b, 9)).toBe(expected);
    expect(distanceOf(b, a, 9)).toBe(expected);
    for (const most of [0, 1, 2]) expect(distanceOf(a, b, most) <= most).toBe(expected <= most);
  });

  test("is never more than the mistakes made, and the same when it is only looked for so far", () => {
    const word = fc.stringMatching(/^[abc]{0,7}$/);
    const mistake = fc.record({ at: fc.nat(7), letter: fc.constantFrom("a", "x", "") });
    fc.assert(
      fc.property(word, fc.array(mistake, { maxLength: 3 }), word, (one, mistakes, other) => {
        const wrong = mistakes.reduce(
          (text, { at, letter }) => text.slice(0, at) + letter + text.slice(at + 1),
          one,
        );
        expect(distanceOf(one, wrong, 9)).toBeLessThanOrEqual(mistakes.length);
        const whole = distanceOf(one, other, 9);
        expect(distanceOf(other, one, 9)).toBe(whole);
        for (const most of [0, 1, 2]) {
          const near = distanceOf(one, other, most);
          expect(near <= most ? near : most + 1).toBe(Math.min(whole, most + 1));
        }
      }),
    );
  });
});

describe("a snippet", () => {
  const snippet = (text: string, query: string) => {
    const { clauses } = parseQuery(query, NOW);
    return snippetOf(text, clauses[0] as (typeof clauses)[number], clauses);
  };

  test("is one line around the match, with the marks on the original letters", () => {
    expect(snippet("one\n two\tCafé three", "cafe")).toBe("one two \u0002Café\u0003 three");
    expect(snippet(`${"x ".repeat(100)}needle${" y".repeat(200)}`, "needle")).toMatch(
      /^….*\u0002needle\u0003.*…$/,
    );
  });

  test("marks a phrase only where it stands as a phrase", () => {
    expect(snippet("add it, then add to cart", '"add to" ')).toBe(
      "add it, then \u0002add\u0003 \u0002to\u0003 cart",
    );
  });

  test("takes out marks of the text itself, and is whole text always", () => {
    expect(snippet("\u0002evil\u0003 word", "word")).toBe("evil \u0002word\u0003");
    const cut = snippet(`${"😀".repeat(300)} word ${"😀".repeat(300)}`, "word") as string;
    expect(cut.isWellFormed()).toBe(true);
  });
});

describe("search", () => {
  async function filled(): Promise<Store> {
    const store = await openTestStore();
    await store.capture.commit([
      batch("one", {
        facts: { title: "Checkout rewrite" },
        events: [
          event("p", { kind: "prompt", text: "Please add to cart the naïve way" }),
          event("t", {
            kind: "tool",
            order: 2_000,
            tool: { name: "Bash", input: {} },
            summary: "npm test",
            parts: [
              { name: "input", body: "run src/store.ts" },
              { name: "output", body: "cart failed: 日本語 '; drop table events; --" },
              { name: "images", body: '[{"base64":"hiddenpixels"}]' },
            ],
          }),
          event("new", { order: 3_000, at: NOW, text: "cart" }),
          event("old", { order: 4_000, at: NOW - 1e9, text: "cart" }),
        ],
      }),
    ]);
    await indexAll(store);
    return store;
  }

  test("finds words, beginnings, phrases, names and titles", async () => {
    const store = await filled();
    expect(await found(store, "naive")).toEqual([eventId("p")]);
    expect(await found(store, "nai")).toEqual([eventId("p")]);
    expect(await found(store, "nai ")).toEqual([]);
    expect(await found(store, '"add to cart"')).toEqual([eventId("p")]);
    expect(await found(store, '"cart to add"')).toEqual([]);
    expect(await found(store, "cart failed")).toEqual([eventId("t")]);
    expect(await found(store, "store.ts")).toEqual([eventId("t")]);
    expect(await found(store, "本語")).toEqual([eventId("t")]);
    expect(await found(store, "npm")).toEqual([eventId("t")]);
    expect(await found(store, "bash")).toEqual([eventId("t")]);
    expect(await found(store, "checkout")).toEqual([sessionId("one")]);
    expect(await found(store, "hiddenpixels")).toEqual([]);
    expect(await found(store, "ts cart")).toEqual([eventId("t")]);
  });

  test("no phrase reaches from one body into the next", async () => {
    const store = await filled();
    expect(await found(store, '"ts cart"')).toEqual([]);
  });

  test("of equal rank the newer comes first", async () => {
    const store = await filled();
    const hits = (await found(store, "cart ")).filter(
      (id) => id === eventId("new") || id === eventId("old"),
    );
    expect(hits).toEqual([eventId("new"), eventId("old")]);
  });

  test("tells where a hit is", async () => {
    const store = await filled();
    const [hit] = (await store.views.search("failed", 5)).hits;
    expect(hit).toEqual({
      session: sessionId("one"),
      sessionTitle: "Checkout rewrite",
      event: eventId("t"),
      decision: null,
      kind: "tool",
      at: NOW - 100_000,
      snippet: "cart \u0002failed\u0003: 日本語 '; drop table events; --",
    });
  });

  test.each([
    "'",
    '"',
    "; drop table events",
    "%",
    "\\",
    "a:* & !b | (",
    "\u0000",
    "\ud800",
    "x".repeat(10_000),
  ])("nothing in a query can be wrong: %j", async (query) => {
    const store = await filled();
    expect((await store.views.search(query, 5)).hits).toBeInstanceOf(Array);
  });

  test("follows changes: a grown event is found by its new words only once", async () => {
    const store = await filled();
    await store.capture.commit([
      batch("one", {
        patches: [{ id: eventId("new"), at: null, parts: [{ name: "output", body: "zebra" }] }],
      }),
    ]);
    expect(await found(store, "zebra")).toEqual([]);
    await indexAll(store);
    expect(await found(store, "zebra cart")).toEqual([eventId("new")]);
    await store.capture.commit([
      batch("one", {
        facts: { title: "Renamed" },
        restart: true,
        events: [event("p", { text: "gone" })],
      }),
    ]);
    await indexAll(store);
    expect(await found(store, "zebra")).toEqual([]);
    expect(await found(store, "checkout")).toEqual([]);
    expect(await found(store, "renamed")).toEqual([sessionId("one")]);
  });

  test("many small steps merge, and everything is still found", async () => {
    const store = await openTestStore();
    for (let i = 0; i < 20; i++) {
      await store.capture.commit([
        batch(`s${i}`, { events: [event(`e${i}`, { text: `common word${i}x` })] }),
      ]);
      await indexAll(store);
    }
    expect((await store.views.search("common", 100)).hits).toHaveLength(20);
    for (let i = 0; i < 20; i++)
      expect(await found(store, `word${i}x`)).toEqual([eventId(`e${i}`)]);
  });

  test("a filter holds before the limit: what fits is found behind any number of better hits", async () => {
    const store = await openTestStore();
    for (const [source, cwd, text] of [
      ["loud", "/work/loud", "error error error"],
      ["quiet", "/work/quiet", `one error in ${"many other words ".repeat(20)}`],
    ] as const) {
      await store.capture.commit([
        batch(source, {
          agent: source === "loud" ? "claude-code" : "codex",
          facts: { cwd },
          events: Array.from({ length: source === "loud" ? 9 : 1 }, (_, i) =>
            event(`${source} ${i}`, { order: i, at: source === "loud" ? NOW - 1e9 : NOW, text }),
          ),
        }),
      ]);
    }
    await store.search.setDecision({ id: "dec_1", title: "On error", body: "", at: NOW });
    await indexAll(store);
    const project = await store.views.projectId("/work/quiet");
    const within = async (limit: number, filter?: SearchWithin) =>
      (await store.views.search("error", limit, filter)).hits.map(
        (hit) => hit.event ?? hit.decision,
      );
    const quiet = [eventId("quiet 0")];
    expect(await within(1, { session: sessionId("quiet", "codex") })).toEqual(quiet);
    expect(await within(1, { agent: "codex" })).toEqual(quiet);
    expect(await within(1, { project })).toEqual(quiet);
    expect(await within(5, { project, agent: "claude-code" })).toEqual([]);
    expect(new Set(await within(5, { since: NOW - 1 }))).toEqual(new Set(["dec_1", ...quiet]));
    expect(await within(20)).toHaveLength(11);
  });

  test("identifiers are found by their parts, joined or apart, and marked whole", async () => {
    const store = await openTestStore();
    await store.capture.commit([
      batch("one", {
        events: [
          event("camel", { order: 1, at: NOW, text: "call fooBar(x)" }),
          event("snake", { order: 2, text: "let foo_bar = 1" }),
          event("none", { order: 3, text: "food foobarn rebar" }),
        ],
      }),
    ]);
    await indexAll(store);
    const both = [eventId("camel"), eventId("snake")];
    for (const query of ["foo ", "bar ", "foobar ", "foo bar ", "FooBar "])
      expect([query, new Set(await found(store, query))]).toEqual([query, new Set(both)]);
    expect(await found(store, "foo_bar ")).toEqual([eventId("snake")]);
    expect(new Set(await found(store, "fooba"))).toEqual(new Set([...both, eventId("none")]));
    const { hits } = await store.views.search("bar ", 5);
    expect(hits.map((hit) => hit.snippet).toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
      "call \u0002fooBar\u0003(x)",
      "let \u0002foo_bar\u0003 = 1",
    ]);
  });

  test("for a word that is nowhere the nearest is looked for, and the answer says so", async () => {
    const store = await openTestStore();
    await store.capture.commit([
      batch("one", {
        events: [
          event("a", { order: 1, text: "the checkout of the cart in src/store.ts" }),
          event("b", { order: 2, text: "a card, another card; deadbeef42" }),
          event("c", { order: 3, text: "cart: middleware, configuration" }),
        ],
      }),
      batch("two", { agent: "codex", events: [event("d", { text: "cart of checkbox" })] }),
    ]);
    await indexAll(store);
    const answer = async (query: string, within?: SearchWithin) => {
      const { hits, instead } = await store.views.search(query, 20, within);
      return [instead, ...new Set(hits.map((hit) => hit.event))];
    };
    const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => eventId(name));
    expect(await answer("chekcout")).toEqual(["checkout", a]);
    expect(await answer("hceckout cart")).toEqual(["checkout cart", a]);
    expect(await answer("midleware confguraton")).toEqual(["middleware configuration", c]);
    expect(await answer("src/stroe.ts")).toEqual(['"src store ts"', a]);
    expect(await answer('"the chekcout" cart')).toEqual(['"the checkout" cart', a]);
    // The word that stands in more places is tried first; with what else must be there, the next one.
    expect((await answer("carx "))[0]).toBe("cart");
    expect(await answer("carx another ")).toEqual(["card another", b]);
    expect(await answer("chekcbox agent:codex")).toEqual(["checkbox", d]);
    expect(await answer("chekcbox", { agent: "claude-code" })).toEqual([null]);
    // What is there is not changed, whatever else is not.
    expect(await answer("checkout card")).toEqual([null]);
    expect(await answer("checko")).toEqual([null, a]);
    expect(await answer("deadbeef43")).toEqual([null]);
    expect(await answer("cra")).toEqual([null]);
    expect(await answer("zzzzzzzz cart")).toEqual([null]);
    expect((await store.views.search("chekcout", 5)).hits[0]?.snippet).toBe(
      "the \u0002checkout\u0003 of the cart in src/store.ts",
    );
  });

  test("filters in the query narrow what is found; alone they list the newest", async () => {
    const store = await openTestStore();
    const tool = (name: string, input: string, more: Parameters<typeof event>[1] = {}) =>
      event(name, { kind: "tool", tool: { name: input, input: {} }, ...more });
    await store.capture.commit([
      batch("one", {
        facts: { cwd: "/work/shop/api", title: "Checkout" },
        events: [
          event("p", { kind: "prompt", order: 1, at: NOW - 9 * 86_400_000, text: "fix cart" }),
          tool("edit", "Edit", {
            order: 2,
            model: "claude-opus-4-8",
            summary: "src/100%/app.ts",
            parts: [{ name: "input", body: "cart" }],
          }),
          tool("bash", "Bash", { order: 3, at: NOW, summary: "ls" }),
        ],
      }),
      batch("two", {
        agent: "codex",
        facts: { cwd: "/work/docs", title: "Manual" },
        events: [
          tool("patch", "apply_patch", {
            at: NOW - 5,
            model: "gpt-6",
            parts: [
              { name: "output", body: "cart" },
              {
                name: "patch",
                body: JSON.stringify([{ path: 'src/"q"/app.ts', change: "add", hunks: [] }]),
              },
            ],
          }),
        ],
      }),
    ]);
    await store.search.setDecision({ id: "dec_1", title: "On the cart", body: "", at: NOW });
    await indexAll(store);
    const [p, edit, bash, patch] = ["p", "edit", "bash", "patch"].map((name) => eventId(name));
    const [one, two] = [sessionId("one"), sessionId("two", "codex")];
    for (const [query, expected] of [
      ["agent:codex cart", [patch]],
      ["cart project:shop", [p, edit]],
      ["cart project:WORK/DOCS", [patch]],
      ["cart kind:prompt", [p]],
      ["cart kind:decision", ["dec_1"]],
      ["cart tool:edit tool:apply_patch", [patch, edit]],
      ["cart after:7d", ["dec_1", patch, edit]],
      ["cart before:7d", [p]],
      ["cart model:opus", [edit]],
      ["file:app.ts", [patch, edit]],
      ["file:100%/", [edit]],
      ["file:%app", []],
      ["'file:\"src/q\"'", []],
      ["tool:Bash", [bash]],
      ["kind:tool", [bash, patch, edit]],
      ["kind:tool after:2026-06-30 before:2026-07-02", [bash, patch, edit]],
      ["agent:codex", [two]],
      ["agent:c", [one, two]],
      ["project:shop", [one]],
      ["project:nowhere", []],
      ["model:gpt", []],
      ["after:1d", ["dec_1", one, two]],
    ] as const) {
      const hits = await found(store, query);
      const isRanked = query.startsWith("cart");
      const told = (ids: readonly unknown[]) => (isRanked ? new Set(ids) : ids);
      expect([query, told(hits)]).toEqual([query, told(expected)]);
    }
    const { hits, filters } = await store.views.search("agent:codex cart", 5);
    expect(filters).toEqual([{ name: "agent", value: "codex" }]);
    expect(hits[0]?.snippet).toBe("\u0002cart\u0003");
    await expect(store.views.search("after:never", 5)).rejects.toThrow("is no date");
  });

  test("finds decisions", async () => {
    const store = await filled();
    const decision = {
      id: "dec_1",
      title: "Use PostgreSQL",
      body: "because it is embedded",
      at: NOW,
    };
    await store.search.setDecision(decision);
    await indexAll(store);
    expect(await found(store, "embedded")).toEqual(["dec_1"]);
    await store.search.setDecision({ ...decision, body: "because it is small" });
    await indexAll(store);
    expect(await found(store, "embedded")).toEqual([]);
    expect((await store.views.search("small", 5)).hits).toMatchObject([
      { kind: "decision", session: "", decision: "dec_1" },
    ]);
  });

  test("what is indexed stays bounded, and a long body is found by its beginning", async () => {
    const store = await openTestStore();
    const body = `start ${"filler ".repeat(20_000)} finish`;
    await store.capture.commit([batch("one", { events: [event("long", { text: body })] })]);
    await indexAll(store);
    expect(await found(store, "start ")).toEqual([eventId("long")]);
    expect(await found(store, "finish")).toEqual([]);
  });
});
