import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const here = import.meta.dirname;

test("every rule of src/crypto/SPEC.md has a test that bears its number, and every number is a rule", () => {
  const spec = readFileSync(`${here}/../../src/crypto/SPEC.md`, "utf8");
  const rules = [...spec.matchAll(/^- \*\*([CL]\d+)\*\*/gm)].map((match) => match[1]);
  const files = readdirSync(here, { recursive: true, encoding: "utf8" });
  const texts = files
    .filter((file) => file.endsWith(".test.ts"))
    .map((file) => readFileSync(`${here}/${file}`, "utf8"));
  const tested = texts.flatMap((text) =>
    [...text.matchAll(/test\(\s*"([CL]\d+): /g)].map((match) => match[1]),
  );
  expect(rules.length).toBeGreaterThan(30);
  expect(new Set(rules).size).toBe(rules.length);
  expect(new Set(tested)).toEqual(new Set(rules));
});
