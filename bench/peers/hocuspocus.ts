/**
 * An edit in one document, until it is in the other, through Hocuspocus: plain text, two providers in this process, the
 * server in its own. Each edit is made when the one before has arrived.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { HocuspocusProvider } from "@hocuspocus/provider";
import * as Y from "yjs";
import { answer, input, quantile } from "../side.ts";

const { edits, pauseMs } = input<{ edits: number; pauseMs: number }>();
const program = fileURLToPath(new URL("hocuspocus-server.ts", import.meta.url));
const server = spawn(process.execPath, [program], { stdio: ["ignore", "pipe", "inherit"] });
const [line] = await once(createInterface(server.stdout), "line");
const url = `ws://127.0.0.1:${JSON.parse(line as string).port}`;

const [from, to] = [new Y.Doc(), new Y.Doc()];
const providers = [from, to].map((document) => new HocuspocusProvider({ url, name: "a decision", document }));
await Promise.all(providers.map((one) => new Promise<void>((resolve) => one.on("synced", () => resolve()))));

const took: number[] = [];
for (let i = 0; i < edits; i++) {
  await new Promise((resolve) => setTimeout(resolve, pauseMs));
  const arrived = new Promise<void>((resolve) => to.once("update", () => resolve()));
  const started = performance.now();
  from.getText("context").insert(i, "x");
  await arrived;
  took.push(performance.now() - started);
}
for (const provider of providers) provider.destroy();
server.kill();
answer({ p50: quantile(took, 0.5), p95: quantile(took, 0.95) });
process.exit(0);
