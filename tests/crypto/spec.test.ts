import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const here = import.meta.dirname;

test("every rule of src/crypto/SPEC.md has a test that bears its number, and every number is a rule", () => {
  const spec = readFileSync(`${here}/../../src/crypto/SPEC.md`, "utf8");
  const rules = [...spec.matchAll(/^- \*\*(C\d+)\*\*/gm)].map((match) => match[1]);
  const texts = readdirSync(here).map((file) => readFileSync(`${here}/${file}`, "utf8"));
  const tested = texts.flatMap((text) =>
    [...text.matchAll(/test\(\s*"(C\d+): /g)].map((match) => match[1]),
  );
  expect(rules.length).toBeGreaterThan(10);
  expect(new Set(tested)).toEqual(new Set(rules));
});
