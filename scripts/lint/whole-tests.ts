/** A test that does not run, or runs again until it passes, proves nothing. */
import { type Node, rule } from "./rule.ts";

const PARTIAL = new Set(["skip", "only", "todo", "skipIf", "runIf", "fails"]);
const RUNNERS = new Set(["it", "test", "describe", "suite", "bench"]);
const OTHER_NAMES = new Set(["xit", "xtest", "xdescribe", "fit", "fdescribe"]);

export const wholeTests = rule(
  "no skipped, single, expected-to-fail or repeated tests",
  (path, report) => {
    if (!/\.test\.[cm]?[jt]sx?$/.test(path)) return {};
    return {
      MemberExpression(node) {
        const member = nameOf(node["property"]);
        if (
          member !== null &&
          PARTIAL.has(member) &&
          RUNNERS.has(firstName(node["object"]) ?? "")
        ) {
          report(node, `.${member}: every test runs, every time, and must pass.`);
        }
      },
      CallExpression(node) {
        const callee = node["callee"] as Node;
        const name = nameOf(callee);
        if (name !== null && OTHER_NAMES.has(name))
          report(node, `${name}: every test runs, every time.`);
        if (
          callee.type === "MemberExpression" &&
          isContext(callee["object"]) &&
          nameOf(callee["property"]) === "skip"
        ) {
          report(node, "A test does not skip itself: fail, and say what is missing.");
        }
        if (RUNNERS.has(firstName(callee) ?? ""))
          for (const option of optionsOf(node)) report(option, OPTION);
      },
    };
  },
);

const OPTION = "No skip, only, todo, fails or retry: every test runs once, and must pass.";

function nameOf(node: unknown): string | null {
  const { type, name, value } = node as Node;
  if (type === "Identifier") return name as string;
  return type === "Literal" && typeof value === "string" ? value : null;
}

/** `it` of `it.each(rows)("…")`. */
function firstName(node: unknown): string | null {
  const { type, object, callee } = node as Node;
  if (type === "MemberExpression") return firstName(object);
  return type === "CallExpression" ? firstName(callee) : nameOf(node);
}

function isContext(node: unknown): boolean {
  return ["ctx", "context", "t", "task"].includes(nameOf(node) ?? "");
}

function optionsOf(call: Node): Node[] {
  return (call["arguments"] as readonly Node[])
    .filter(({ type }) => type === "ObjectExpression")
    .flatMap(({ properties }) => properties as readonly Node[])
    .filter(
      ({ type, key }) =>
        type === "Property" && [...PARTIAL, "retry", "repeats"].includes(nameOf(key) ?? ""),
    );
}
