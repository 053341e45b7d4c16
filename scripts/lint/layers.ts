/** A lower room may not import a higher one: the table is in `rooms.ts`. */
import { type Import, importFault, placeFault, roomOf, ROOMS } from "./rooms.ts";
import { type Node, rule } from "./rule.ts";

export const layers = rule(
  "rooms import only what the table of rooms allows",
  (from, report, context) => {
    const check = (node: Node, source: unknown, how: Import["how"]) => {
      const specifier = textOf(source);
      const fault = specifier === null ? unreadable(from) : importFault({ from, specifier, how });
      if (fault !== null) report(node, fault);
    };
    return {
      Program(node) {
        const fault = placeFault(from) ?? libFault(from, context.sourceCode.text);
        if (fault !== null) report(node, fault);
      },
      ImportDeclaration: (node) => check(node, node["source"], kindOf(node, "importKind")),
      ExportNamedDeclaration(node) {
        if (node["source"] !== null) check(node, node["source"], kindOf(node, "exportKind"));
      },
      ExportAllDeclaration: (node) => check(node, node["source"], kindOf(node, "exportKind")),
      ImportExpression: (node) => check(node, node["source"], "load"),
      TSImportType: (node) => check(node, node["source"] ?? node["argument"], "types"),
    };
  },
);

function unreadable(from: string): string | null {
  return roomOf(from) === null
    ? null
    : "The layer rule must be able to read what is imported: write it as one text.";
}

/** The environments are set in the tsconfig files, not file by file. */
function libFault(from: string, text: string): string | null {
  const name = roomOf(from);
  if (name === null || ROOMS[name]?.runs !== "neutral") return null;
  return /^\s*\/\/\/\s*<reference\b/m.test(text)
    ? `${name} runs in Node and in a browser: no references.`
    : null;
}

/** "types" when the whole declaration, or each name in it, is a type. */
function kindOf(node: Node, key: "importKind" | "exportKind"): Import["how"] {
  if (node[key] === "type") return "types";
  const names = (node["specifiers"] ?? []) as readonly Node[];
  return names.length > 0 && names.every((name) => name[key] === "type") ? "types" : "values";
}

function textOf(source: unknown): string | null {
  const node = source as Node | null;
  if (node?.type === "TSLiteralType") return textOf(node["literal"]);
  if (node?.type === "TemplateLiteral" && (node["expressions"] as unknown[]).length === 0) {
    return (node["quasis"] as readonly { value: { cooked: string } }[])[0]?.value.cooked ?? null;
  }
  return node?.type === "Literal" && typeof node["value"] === "string" ? node["value"] : null;
}
