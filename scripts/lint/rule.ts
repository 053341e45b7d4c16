/** What every rule of this project is made of. */
import { relative, sep } from "node:path";
import type { RuleTester } from "oxlint/plugins-dev";

export type Rule = Parameters<RuleTester["run"]>[1];
export type Context = Parameters<NonNullable<Rule["create"]>>[0];

/** The part of a syntax tree's node that the rules look at; its other keys are read through `childrenOf`. */
export interface Node {
  readonly type: string;
  readonly parent: Node | null;
  readonly loc: {
    readonly start: { readonly line: number };
    readonly end: { readonly line: number };
  };
  readonly [key: string]: unknown;
}

type Visitor = Record<string, (node: Node) => void>;

/** A rule that reports sentences. `path` is relative to the root, with `/`. */
export function rule(
  description: string,
  create: (path: string, report: Report, context: Context) => Visitor,
): Rule {
  return {
    meta: { type: "problem", docs: { description } },
    create(context) {
      const path = relative(context.cwd, context.filename).split(sep).join("/");
      const report: Report = (node, message) => context.report({ node: node as never, message });
      return create(path, report, context) as never;
    },
  };
}

export type Report = (node: Node, message: string) => void;

/** Every node below `node`, itself first. */
export function* nodesIn(node: Node): Generator<Node> {
  yield node;
  for (const [key, value] of Object.entries(node)) {
    if (key === "parent") continue;
    for (const child of Array.isArray(value) ? value : [value])
      if (isNode(child)) yield* nodesIn(child);
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && typeof (value as Node).type === "string";
}
