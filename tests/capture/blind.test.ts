/** When the system watches no more. The watcher is the real one; what the system would tell it is told here. */
import type * as Chokidar from "chokidar";
import { expect, onTestFinished, test, vi } from "vitest";
import type { Log } from "../../src/base/log.ts";
import { watchTranscripts } from "../../src/capture/watch.ts";
import { tempFolder } from "./home.ts";

const made = vi.hoisted((): { watcher?: Chokidar.FSWatcher } => ({}));

vi.mock("chokidar", async (original) => {
  const real = await original<typeof Chokidar>();
  const watch: typeof real.watch = (...args) => (made.watcher = real.watch(...args));
  return { ...real, watch };
});

interface Blind {
  readonly seen: (readonly string[] | null)[];
  readonly notices: string[];
  readonly logged: string[];
  tell(code: string): void;
}

async function watching(): Promise<Blind> {
  const [seen, notices, logged]: [Blind["seen"], string[], string[]] = [[], [], []];
  const log: Log = (level) => void logged.push(level);
  const watch = await watchTranscripts({
    roots: [tempFolder()],
    log,
    transcriptOf: (path) => path,
    onChange: async (paths) => void seen.push(paths),
    onBlind: (notice) => notices.push(notice),
    gatherMs: 1,
    rescanMs: 3_600_000,
    blindRescanMs: 5,
  });
  onTestFinished(() => watch.close());
  const tell = (code: string): void => {
    made.watcher?.emit("error", Object.assign(new Error(`${code}: no more`), { code }));
  };
  return { seen, notices, logged, tell };
}

test.each(["ENOSPC", "EMFILE", "EIO"])(
  "%s is told once, and everything is looked at",
  async (code) => {
    const { seen, notices, logged, tell } = await watching();
    for (let i = 0; i < 100; i++) tell(code);
    expect(notices).toEqual([
      expect.stringMatching(new RegExp(`${code}.*Nothing is missed.*start`)),
    ]);
    expect(logged).toEqual(["warn"]);
    await vi.waitFor(() => expect(seen.length).toBeGreaterThan(2));
    expect(new Set(seen)).toEqual(new Set([null]));
  },
);

test("a folder that may not be read is the look's to tell", async () => {
  const { notices, logged, tell } = await watching();
  tell("EACCES");
  expect([notices, logged]).toEqual([[], ["warn"]]);
});
