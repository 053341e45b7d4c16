/** Whose model one is, by its name: agents record the name only. */

const MAKERS: readonly (readonly [RegExp, Maker])[] = [
  [/^claude/, "anthropic"],
  [/^(?:gpt|o\d|codex|chatgpt)/, "openai"],
  [/^gemini/, "google"],
  [/^grok/, "xai"],
  [/^(?:mistral|codestral|devstral|magistral)/, "mistral"],
  [/^deepseek/, "deepseek"],
];
type Maker = "anthropic" | "openai" | "google" | "xai" | "mistral" | "deepseek";

/** OpenTelemetry's names for the same. */
const PROVIDERS: Readonly<Record<Maker, string>> = {
  anthropic: "anthropic",
  openai: "openai",
  google: "gcp.gemini",
  xai: "x_ai",
  mistral: "mistral_ai",
  deepseek: "deepseek",
};

function makerOf(model: string): Maker | null {
  const name = model.slice(model.lastIndexOf("/") + 1).toLowerCase();
  return MAKERS.find(([pattern]) => pattern.test(name))?.[1] ?? null;
}

/** `anthropic/claude-opus-4-5`, as models.dev names it; the bare name where the maker is not known. */
export function modelId(model: string): string {
  if (model.includes("/")) return model;
  const maker = makerOf(model);
  return maker === null ? model : `${maker}/${model}`;
}

/** A value of `gen_ai.provider.name`; null: not known. */
export function providerOf(model: string): string | null {
  const maker = makerOf(model);
  return maker === null ? null : PROVIDERS[maker];
}
