import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const HERE = import.meta.dirname;

test("every rule of src/privacy/SPEC.md has a test that bears its number, and every number is a rule", () => {
  const spec = readFileSync(`${HERE}/../../src/privacy/SPEC.md`, "utf8");
  const rules = [...spec.matchAll(/^- \*\*(P\d+)\*\*/gm)].map((match) => match[1]);
  const tests = readdirSync(HERE).map((file) => readFileSync(`${HERE}/${file}`, "utf8"));
  const tested = new Set(
    tests.flatMap((text) => [...text.matchAll(/"(P\d+): /g)].map((m) => m[1])),
  );
  expect(rules.length).toBeGreaterThan(10);
  expect(tested).toEqual(new Set(rules));
});
