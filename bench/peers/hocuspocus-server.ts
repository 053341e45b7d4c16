/** Hocuspocus as it comes, in memory, on any free port. Prints the port and runs until it is ended. */
import { Server } from "@hocuspocus/server";
import { answer } from "../side.ts";

const server = new Server({ port: 0, address: "127.0.0.1", quiet: true, stopOnSignals: false });
await server.listen();
answer({ port: server.address.port });
