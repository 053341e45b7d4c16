/** What leaves as a file, and comes back from one. */
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { DecisionRow } from "../../src/app/api.ts";
import { createDevice, HOME, type Device } from "./operon.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let device: Device;

beforeAll(async () => {
  device = await createDevice();
  await device.json(["import", "--home", HOME]);
});
afterAll(() => device.remove());

test("a decision goes out as a file and comes back as another record with the same words", async () => {
  const file = join(device.folder, "0001-log.md");
  await writeFile(
    file,
    '# Use SQLite\n\n## Considered Options\n\n* SQLite\n* Files\n\n## Decision Outcome\n\nChosen option: "SQLite", because it is small.\n',
  );
  const first = await device.json<DecisionRow>(["decision", "import", file]);
  expect(first).toMatchObject({ title: "Use SQLite", date: null, outcome: "it is small." });
  expect(first.options.map(({ title, chosen }) => [title, chosen])).toEqual([
    ["SQLite", true],
    ["Files", false],
  ]);

  const there = await device.run(["decision", "export", first.id, "--out", file]);
  expect(there.code).toBe(1);
  expect(there.stderr).toMatch(/is there already.*--force/);
  expect((await device.run(["decision", "export", first.id, "--out", file, "--force"])).code).toBe(
    0,
  );
  const printed = await device.run(["decision", "export", first.id, "--format", "madr"]);
  expect(printed.stdout).toBe(await readFile(file, "utf8"));

  const second = await device.json<DecisionRow>(["decision", "import", file]);
  expect(second.id).not.toBe(first.id);
  expect({ ...second, id: "", options: [] }).toEqual({ ...first, id: "", options: [] });

  expect(await device.run(["decision", "export", first.id, "--format", "word"])).toMatchObject({
    code: 2,
    stdout: "",
  });
  const missing = await device.run(["decision", "import", join(device.folder, "nothing.md")]);
  expect(missing).toMatchObject({ code: 1, stdout: "" });
  expect(missing.stderr).toMatch(/^There is no file .* Nothing was saved\.\n$/);
  await writeFile(file, "Only words.\n");
  const untitled = await device.run(["decision", "import", file]);
  expect(untitled.code).toBe(1);
  expect(untitled.stderr).toContain("no title");
});

test("a session goes out as a page, to standard output or to a file that was not there", async () => {
  const sessions = await device.json<readonly { readonly id: string }[]>(["sessions"]);
  for (const { id } of sessions.slice(0, 3)) {
    const { code, stdout } = await device.run(["export", id, "--format", "html"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^<!doctype html>\n[^]*<\/html>\n$/);
    expect(stdout).not.toContain("<script");
    const record = await device.run(["export", id, "--format", "agent-trace"]);
    expect(record.json()).toMatchObject({ version: "0.1.0" });
  }
  const [{ id }] = sessions as [{ readonly id: string }];
  const file = join(device.folder, "page.html");
  const written = await device.run(["export", id, "--format", "html", "--out", file]);
  expect(written).toMatchObject({ code: 0, stdout: "", stderr: `Written to ${file}.\n` });
  expect((await device.run(["export", id, "--format", "html", "--out", file])).code).toBe(1);
  expect((await device.run(["export", id])).stderr).toMatch(/^--format is missing/);
  expect((await device.run(["export", id])).code).toBe(2);
  const nowhere = ["export", id, "--format", "html", "--out", join(file, "page.html")];
  expect(await device.run(nowhere)).toMatchObject({ code: 1, stdout: "" });
  expect((await device.run(["export", "ses_nothing", "--format", "html"])).code).toBe(1);
});

test("traces go to a collector on this machine, and nowhere without encryption", async () => {
  const [{ id }] = (await device.json(["sessions"])) as [{ readonly id: string }];
  const got: { readonly path: string | undefined; readonly body: string }[] = [];
  let answer: readonly [number, string] = [200, "{}"];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      got.push({ path: request.url, body });
      response.writeHead(answer[0], { "content-type": "application/json" }).end(answer[1]);
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    const sent = await device.run(["export", id, "--otlp", url]);
    expect(sent).toMatchObject({ code: 0, stdout: "" });
    expect(sent.stderr).toMatch(/Sent [\d,]+ spans? to 127\.0\.0\.1:/);
    expect(got[0]?.path).toBe("/v1/traces");
    const printed = await device.run(["export", id, "--format", "otlp"]);
    expect(printed.stdout).toBe(got[0]?.body);

    answer = [200, '{"partialSuccess":{"rejectedSpans":"2","errorMessage":"too old"}}'];
    expect((await device.run(["export", id, "--otlp", url])).stderr).toContain(
      "left out 2 of the spans: too old.",
    );
    answer = [401, ""];
    const refused = await device.run(["export", id, "--otlp", url]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("did not take the traces: it answered with 401");
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  const gone = await device.run(["export", id, "--otlp", url]);
  expect(gone.code).toBe(1);
  expect(gone.stderr).toContain("did not answer");
  const plain = await device.run(["export", id, "--otlp", "http://collector.example"]);
  expect(plain.code).toBe(1);
  expect(plain.stderr).toContain("without encryption");
  expect((await device.run(["export", id, "--format", "html", "--otlp", url])).code).toBe(2);
});
