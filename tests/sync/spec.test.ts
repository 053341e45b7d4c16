import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const here = import.meta.dirname;

test("every rule of src/sync/SPEC.md has a test that bears its number, and every number is a rule", () => {
  const spec = readFileSync(`${here}/../../src/sync/SPEC.md`, "utf8");
  const rules = [...spec.matchAll(/^- \*\*([SPT]\d+)\*\*/gm)].map((match) => match[1]);
  const files = [here, `${here}/../types`].flatMap((folder) =>
    readdirSync(folder).map((file) => `${folder}/${file}`),
  );
  const texts = files.map((file) => readFileSync(file, "utf8"));
  const tested = texts.flatMap((text) =>
    [...text.matchAll(/test\(\s*["`]([SPT]\d+): /g)].map((match) => match[1]),
  );
  expect(rules.length).toBeGreaterThan(20);
  expect(new Set(tested)).toEqual(new Set(rules));
});
