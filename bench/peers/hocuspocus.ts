/** Typing through Hocuspocus: plain text, two providers in this process, the server in its own. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { HocuspocusProvider } from "@hocuspocus/provider";
import * as Y from "yjs";
import { typeAndWatch, WARM_UP } from "../latency.ts";
import { answer, input } from "../side.ts";

const typing = input<{ edits: number; everyMs: number }>();
const program = fileURLToPath(new URL("hocuspocus-server.ts", import.meta.url));
const server = spawn(process.execPath, [program], { stdio: ["ignore", "pipe", "inherit"] });
const [line] = await once(createInterface(server.stdout), "line");
const url = `ws://127.0.0.1:${JSON.parse(line as string).port}`;

const docs = [new Y.Doc(), new Y.Doc()] as const;
const providers = docs.map(
  (document) => new HocuspocusProvider({ url, name: "a decision", document }),
);
await Promise.all(
  providers.map((one) => new Promise<void>((resolve) => one.on("synced", () => resolve()))),
);

const [from, to] = docs;
const watch = (how: typeof typing) =>
  typeAndWatch(how, from.getText("context"), to.getText("context"), (changed) =>
    to.on("update", changed),
  );
await watch(WARM_UP);
answer(await watch(typing));
for (const provider of providers) provider.destroy();
server.kill();
process.exit(0);
