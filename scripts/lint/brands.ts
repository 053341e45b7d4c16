/**
 * `Shareable` and `Sealed` are promises: what carries one was let through by the privacy gate, or sealed. A cast makes
 * the promise without keeping it, so each has one place that may cast.
 */
import { roomOf } from "./rooms.ts";
import { type Node, nodesIn, rule } from "./rule.ts";

const DOORS: Readonly<Record<string, (path: string) => boolean>> = {
  Shareable: (path) => path.startsWith("src/privacy/"),
  Sealed: (path) => path === "src/sync/seal.ts",
};

export const brands = rule(
  "only the privacy gate makes a Shareable, only sync's seal makes a Sealed",
  (path, report) => {
    if (roomOf(path) === null) return {};
    // Other names of a brand in this file: `import { Sealed as S }`, `type Rows = Sealed[]`.
    const names = new Map(Object.keys(DOORS).map((brand) => [brand, brand]));
    const check = (node: Node, what: string, type: unknown) => {
      const brand = brandIn(type as Node | null, names);
      if (brand !== null && DOORS[brand]?.(path) === false)
        report(node, `${what} ${brand} here: ${WHERE}`);
    };
    return {
      ImportSpecifier(node) {
        const brand = (node["imported"] as Node)["name"] as string;
        if (brand in DOORS) names.set((node["local"] as Node)["name"] as string, brand);
      },
      TSTypeAliasDeclaration(node) {
        const brand = brandIn(node["typeAnnotation"] as Node, names);
        if (brand !== null) names.set((node["id"] as Node)["name"] as string, brand);
      },
      TSAsExpression: (node) => check(node, "No cast to", node["typeAnnotation"]),
      TSTypeAssertion: (node) => check(node, "No cast to", node["typeAnnotation"]),
      TSTypePredicate: (node) => check(node, "No guard for", node["typeAnnotation"]),
    };
  },
);

const WHERE = "a Shareable is made in src/privacy, a Sealed in src/sync/seal.ts.";

function brandIn(type: Node | null, names: ReadonlyMap<string, string>): string | null {
  if (type === null) return null;
  for (const node of nodesIn(type)) {
    const brand = node.type === "Identifier" ? names.get(node["name"] as string) : undefined;
    if (brand !== undefined) return brand;
  }
  return null;
}
