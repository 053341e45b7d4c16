/** `any` switches the type checker off: it stands only with a comment that says why, in its line or the one above. */
import { type Node, rule } from "./rule.ts";

export const reasonedAny = rule("no any without its reason", (_path, report, context) => ({
  TSAnyKeyword(node: Node) {
    const line = node.loc.start.line;
    const reasons = context.sourceCode
      .getAllComments()
      .filter(({ loc }) => loc.end.line === line || loc.end.line === line - 1)
      .map(({ value }) => value.trim());
    if (reasons.some((reason) => reason.includes(" ") && !/^(oxlint|eslint)-|^@ts-/.test(reason)))
      return;
    report(node, "any without its reason: use unknown, or say why in a comment beside it.");
  },
}));
