import {
  appendFileSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { openArchive, type Archive } from "../../src/capture/archive.ts";
import { captureOf, fixtureHome, homeOf, jsonl, tempFolder } from "./home.ts";
import { Ledger } from "./ledger.ts";

const STAT = { inode: 2, sizeBytes: 3, mtimeMs: 4 };

async function archiveIn(folder: string): Promise<Archive> {
  const archive = await openArchive(folder);
  onTestFinished(() => archive.close());
  return archive;
}

async function textOf(archive: Archive, path: string): Promise<string> {
  const blocks: Buffer[] = [];
  for await (const block of archive.read(path)) blocks.push(block);
  return Buffer.concat(blocks).toString();
}

const sizeOf = (folder: string) =>
  readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);

describe("the archive", () => {
  const add = (archive: Archive, offset: number, text: string, restart = false) =>
    archive.append("codex", "/a", offset, Buffer.from(text), STAT, restart);

  test("gives back what it was given, also when opened again", async () => {
    const folder = tempFolder();
    const archive = await archiveIn(folder);
    await add(archive, 0, "one\n");
    await add(archive, 4, "two\n");
    expect(await textOf(archive, "/a")).toBe("one\ntwo\n");
    const again = await archiveIn(folder);
    expect(await textOf(again, "/a")).toBe("one\ntwo\n");
    expect(again.files()).toEqual([
      { agent: "codex", path: "/a", generation: 0, length: 8, ...STAT },
    ]);
  });

  test("what became shorter ends where it ends, also when opened again, and may grow again", async () => {
    const folder = tempFolder();
    const archive = await archiveIn(folder);
    await add(archive, 0, "one\ntwo\n");
    await add(archive, 8, "three\n");
    await archive.cut("/a", 99, STAT);
    expect(await textOf(archive, "/a")).toBe("one\ntwo\nthree\n");
    await archive.cut("/a", 4, STAT);
    await archive.cut("/b", 0, STAT);
    const again = await archiveIn(folder);
    expect(await textOf(archive, "/a")).toBe("one\n");
    expect(await textOf(again, "/a")).toBe("one\n");
    expect(again.files().map(({ path, length }) => [path, length])).toEqual([["/a", 4]]);
    await add(again, 4, "four\n");
    expect(await textOf(again, "/a")).toBe("one\nfour\n");
  });

  test("does not grow by what it holds, however it is cut", async () => {
    const folder = tempFolder();
    const archive = await archiveIn(folder);
    await add(archive, 0, "one\ntwo\n");
    await add(archive, 8, "thr");
    const before = sizeOf(folder);
    for (const [offset, text] of [
      [0, "one\ntwo\nthr"],
      [0, "one\n"],
      [4, "two\nthr"],
      [9, "hr"],
    ] as const) {
      await add(archive, offset, text);
    }
    expect(sizeOf(folder)).toBe(before);
    await add(archive, 8, "three\n");
    expect(await textOf(archive, "/a")).toBe("one\ntwo\nthree\n");
  });

  test("holds a later piece from its offset on", async () => {
    const archive = await archiveIn(tempFolder());
    await add(archive, 0, "one\ntwo\n");
    await add(archive, 4, "TWO\nthree\n");
    expect(await textOf(archive, "/a")).toBe("one\nTWO\nthree\n");
  });

  test("begins a generation for a file that was replaced", async () => {
    const archive = await archiveIn(tempFolder());
    await add(archive, 0, "one\n");
    await add(archive, 0, "other\n", true);
    expect(await textOf(archive, "/a")).toBe("other\n");
    expect(archive.files()).toMatchObject([{ generation: 1, length: 6 }]);
  });

  test("passes over a torn last line and bytes that no line names", async () => {
    const folder = tempFolder();
    const archive = await openArchive(folder);
    await add(archive, 0, "one\n");
    await add(archive, 4, "two\n");
    await archive.close();
    const manifest = join(folder, "manifest.jsonl");
    truncateSync(manifest, statSync(manifest).size - 25);
    appendFileSync(join(folder, "00001.pack"), "rubbish");
    const again = await archiveIn(folder);
    expect(await textOf(again, "/a")).toBe("one\n");
    await add(again, 4, "two\n");
    expect(await textOf(again, "/a")).toBe("one\ntwo\n");
    expect(await textOf(await archiveIn(folder), "/a")).toBe("one\ntwo\n");
  });

  test.each(["chunk", "line"])(
    "a %s that a full disk took half of harms nothing after it",
    async (what) => {
      const folder = tempFolder();
      const archive = await archiveIn(folder);
      await add(archive, 0, "one\n");
      const handle = await open(join(folder, "manifest.jsonl"));
      const files = Object.getPrototypeOf(handle) as FileHandle;
      await handle.close();
      const append = files.appendFile;
      let left = what === "chunk" ? 1 : 2;
      const spy = vi.spyOn(files, "appendFile").mockImplementation(async function (
        this: FileHandle,
        data,
      ) {
        left -= 1;
        if (left !== 0) return append.call(this, data);
        await append.call(this, (data as Buffer).subarray(0, 5));
        throw new Error("no space left on device");
      });
      onTestFinished(() => spy.mockRestore());
      await expect(add(archive, 4, "two\n")).rejects.toThrow("no space left");
      await add(archive, 4, "two\n");
      await add(archive, 8, "three\n");
      expect(await textOf(archive, "/a")).toBe("one\ntwo\nthree\n");
      expect(await textOf(await archiveIn(folder), "/a")).toBe("one\ntwo\nthree\n");
    },
  );

  test("says so when a chunk is not what was archived", async () => {
    const folder = tempFolder();
    const archive = await archiveIn(folder);
    await add(archive, 0, "one\n");
    const pack = readFileSync(join(folder, "00001.pack"));
    writeFileSync(join(folder, "00001.pack"), pack.fill(0, 4));
    await expect(textOf(archive, "/a")).rejects.toThrow(
      /unexpected end|not what was archived|frame/i,
    );
  });

  test("can be read by nobody else", async () => {
    const folder = join(tempFolder(), "archive");
    const archive = await archiveIn(folder);
    await add(archive, 0, "one\n");
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(folder))
      expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
  });
});

describe("capture with an archive", () => {
  test("fills an empty store again, without the transcripts", async () => {
    const home = fixtureHome();
    const folder = tempFolder();
    const archive = await archiveIn(folder);
    const before = await new Ledger().take(captureOf(home, archive).scan(new Map()));
    rmSync(join(home, ".claude"), { recursive: true });
    rmSync(join(home, ".codex/sessions"), { recursive: true });
    rmSync(join(home, ".codex/archived_sessions"), { recursive: true });
    const after = new Ledger();
    await after.take(captureOf(home, await archiveIn(folder)).replayArchive(after.files));
    expect(after.content()).toEqual(before.content());
    expect(after.partial).toEqual(before.partial.map((partial) => ({ ...partial })));
  });

  test("after that reads only what is new", async () => {
    const home = homeOf({ ".claude/projects/-p/s.jsonl": jsonl(line(1)) });
    const archive = await archiveIn(tempFolder());
    const capture = captureOf(home, archive);
    await new Ledger().take(capture.scan(new Map()));
    const refilled = await new Ledger().take(capture.replayArchive(new Map()));
    await refilled.take(capture.scan(refilled.files));
    expect(refilled).toMatchObject({ bytesRead: 0, unchanged: 1 });
    appendFileSync(join(home, ".claude/projects/-p/s.jsonl"), jsonl(line(2)));
    await refilled.take(capture.scan(refilled.files));
    expect(refilled.bytesRead).toBe(jsonl(line(2)).length);
  });

  test("archives every byte, also of what is damaged or not ended yet", async () => {
    const text = `${jsonl(line(1))}{"broken\n{"half`;
    const home = homeOf({ ".claude/projects/-p/s.jsonl": text });
    const archive = await archiveIn(tempFolder());
    await new Ledger().take(captureOf(home, archive).scan(new Map()));
    expect(await textOf(archive, join(home, ".claude/projects/-p/s.jsonl"))).toBe(text);
  });

  test("gives no step out whose bytes could not be archived", async () => {
    const home = homeOf({ ".claude/projects/-p/s.jsonl": jsonl(line(1)) });
    const full: Archive = {
      append: () => Promise.reject(new Error("no space left on device")),
      cut: async () => {},
      files: () => [],
      async *read() {},
      close: async () => {},
    };
    const ledger = new Ledger();
    await expect(ledger.take(captureOf(home, full).scan(new Map()))).rejects.toThrow(
      /no space left.*import again/s,
    );
    expect(ledger.events.size).toBe(0);
  });
});

function line(n: number): object {
  return {
    type: "user",
    uuid: `u${n}`,
    sessionId: "s",
    message: { role: "user", content: `Prompt ${n}` },
  };
}
