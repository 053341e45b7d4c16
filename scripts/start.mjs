/** `npm start -- [--home DIR] …`: installs what is missing, then starts the engine and its interface. */
import { join } from "node:path";
import { become, installPackages, ROOT } from "./install.mjs";

installPackages();
become(join(ROOT, "bin", "operon"), ["open", ...process.argv.slice(2)]);
