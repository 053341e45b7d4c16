/**
 * What a call of a model cost, in whole nano-dollars: 5 US dollars per million tokens are 5,000 a token.
 *
 * A model that is not in the table has no price: `null`, "unpriced", never 0.
 */
import type { Tokens } from "../base/session.ts";
import { asNumber } from "./json.ts";
import table from "./prices.json" with { type: "json" };

/** What is billed of one call. Counts of tokens; `input` without cached ones, `output` with reasoning. */
export interface Billed {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
  /** Written for five minutes: 1.25 × input. */
  readonly cacheWrite5m: number;
  /** Written for an hour: 2 × input. */
  readonly cacheWrite1h: number;
  readonly webSearches: number;
  /** Asked for at the higher speed. */
  readonly fast: boolean;
}

interface Rates {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
}

interface Price extends Rates {
  /** How many times dearer the higher speed is. */
  readonly fast?: number;
  /** Rates of a whole request whose input, cached or not, is over a limit. */
  readonly long?: Rates & { readonly aboveInputTokens: number };
}

const PRICES: Readonly<Record<string, Price>> = table.models;
const NANO_PER_USD = 1_000_000_000;
const NANO_PER_MICRO = 1_000;
const NANO_USD_A_SEARCH = 10_000_000;

/** Of so many requests together, each taken to be as large as the others; of nobody knows how many: `Infinity`. */
export function costNanoUsd(model: string, billed: Billed, requests = 1): number | null {
  const price = priceOf(model);
  if (price === null) return null;
  const factor = billed.fast ? price.fast : 1;
  if (factor === undefined) return null;
  const cached = billed.cacheRead + billed.cacheWrite5m + billed.cacheWrite1h;
  const long = price.long;
  const size = (billed.input + cached) / requests;
  const rates = long !== undefined && size > long.aboveInputTokens ? long : price;
  const tokens =
    billed.input * rates.input +
    billed.output * rates.output +
    billed.cacheRead * rates.cacheRead +
    billed.cacheWrite5m * rates.input * 1.25 +
    billed.cacheWrite1h * rates.input * 2;
  return Math.round(tokens * NANO_PER_MICRO * factor) + billed.webSearches * NANO_USD_A_SEARCH;
}

/** What the agent counted, in US dollars, where it counted any; else by the model's price. */
export function costOfCall(
  saidUsd: unknown,
  model: string,
  tokens: Tokens,
  requests = 1,
): number | null {
  const said = asNumber(saidUsd);
  if (said !== null && said > 0) return Math.round(said * NANO_PER_USD);
  const { input, output, cacheRead, cacheWrite } = tokens;
  const rest = { cacheWrite5m: cacheWrite, cacheWrite1h: 0, webSearches: 0, fast: false };
  return costNanoUsd(model, { input, output, cacheRead, ...rest }, requests);
}

function priceOf(model: string): Price | null {
  for (const name of names(model)) {
    if (Object.hasOwn(PRICES, name)) return PRICES[name] ?? null;
  }
  return null;
}

/** The name as it is, then without what says by whom, when, and in which build it is served; some write 4.5 for 4-5. */
function names(model: string): string[] {
  const bare = model
    .replace(/^.*\//, "")
    .replace(/^(?:[a-z]+\.)?anthropic\./, "")
    .replace(/\[[^\]]*\]$/, "")
    .replace(/(?:-v\d+)?(?::\d+)?$/, "");
  const undated = bare.replace(/[-@](?:\d{8}|\d{4}-\d{2}-\d{2}|latest)$/, "");
  return [model, bare, undated, undated.replace(/(?<=^claude-.*\d)\.(?=\d)/, "-")];
}
