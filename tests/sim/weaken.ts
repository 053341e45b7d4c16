/** Turns one defence off in the source that Node is about to load. */
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import { type Defence, DEFENCES } from "./defences.ts";

const ROOT = new URL("../../", import.meta.url);

/** Before anything of the product is loaded. Returns what to call afterwards: it throws if nothing was changed. */
export function weaken(name: string): () => void {
  const defence = DEFENCES.find((one) => one.name === name);
  if (!defence)
    throw new Error(`no defence "${name}": ${DEFENCES.map((one) => one.name).join(", ")}`);
  const url = new URL(defence.module, ROOT).href;
  let changed = false;
  registerHooks({
    load(loaded, context, next) {
      const result = next(loaded, context);
      if (loaded !== url) return result;
      changed = true;
      return { ...result, source: without(defence, textOf(result.source)) };
    },
  });
  return () => {
    if (!changed) throw new Error(`${fileURLToPath(url)} was not loaded`);
  };
}

/** The source of its module without a defence. Throws when a line does not stand there exactly once. */
export function without({ name, module, lines }: Defence, source: string): string {
  return lines.reduce((text, [line, instead]) => {
    const [before, after, ...more] = text.split(line);
    if (before === undefined || after === undefined || more.length > 0)
      throw new Error(
        `${module} has changed: the line of the defence "${name}" is not there once: ${line}`,
      );
    return before + instead + after;
  }, source);
}

function textOf(source: unknown): string {
  if (typeof source === "string") return source;
  if (source instanceof Uint8Array) return new TextDecoder().decode(source);
  throw new Error("a module without a source");
}
