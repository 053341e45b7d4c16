/**
 * Model ids and agents' versions as they may leave. A deployment or a fine-tuned model can be named after a customer,
 * so every part of an id has to be known.
 */

const OTHER_MODEL = "other";

export function shareModel(id: string): string {
  const parts = id
    .toLowerCase()
    .split(/[-.:@_/[\]]/)
    .filter((part) => part !== "");
  const isKnown =
    id.length <= MAX_LENGTH &&
    /^[\w.:@/[\]-]+$/.test(id) &&
    parts.some((part) => FAMILY.test(part)) &&
    parts.every((part) => FAMILY.test(part) || NUMBER.test(part) || WORDS.has(part));
  return isKnown ? id : OTHER_MODEL;
}

export function shareVersion(version: unknown): string | null {
  return typeof version === "string" && VERSION.test(version) ? version : null;
}

const MAX_LENGTH = 64;
const FAMILY =
  /^(?:claude|gpt|chatgpt|codex|o[1-9]|gemini|gemma|grok|llama|mistral|mixtral|codestral|devstral|magistral|ministral|deepseek|qwen|qwq|kimi|glm|minimax|phi|nova|command|composer|cursor|swe)\d{0,2}$/;
/** A version, a size, a date: `4`, `20250929`, `4o`, `a35b`, `k2`. */
const NUMBER = /^[a-z]{0,2}\d{1,8}[a-z]{0,2}$/;
const WORDS = new Set(
  (
    "anthropic openai google meta mistralai xai moonshotai zai alibaba amazon bedrock vertex azure us eu apac global " +
    "opus sonnet haiku instant turbo mini nano micro lite air plus pro max ultra flash fast slow small medium large high low xhigh " +
    "preview latest exp experimental beta alpha thinking nonthinking reasoning reasoner instruct chat coder code codex spark oss " +
    "vision audio realtime search deep research image default auto premier r speciale terminus"
  ).split(" "),
);
const VERSION =
  /^\d{1,4}\.\d{1,4}\.\d{1,6}(?:-(?:alpha|beta|rc|next|nightly|preview|dev)(?:[.-]?\d{1,10}){0,3})?$/;
