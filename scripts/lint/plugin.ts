/** The project's own rules, as the linter loads them. Paths are read from the folder it runs in: the root. */
import { brands } from "./brands.ts";
import { layers } from "./layers.ts";
import { reasonedAny } from "./reasoned-any.ts";
import { wholeTests } from "./whole-tests.ts";

export default {
  meta: { name: "operon" },
  rules: { layers, brands, "reasoned-any": reasonedAny, "whole-tests": wholeTests },
};
