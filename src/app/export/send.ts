/** Sends traces to a collector that a person named: with https, or to this machine itself. */
import { raise } from "../../base/result.ts";

const TIMEOUT_MS = 30_000;
const SHOWN = 200;

/** Where traces are sent to for this address: a collector's own is completed, one with a path is taken as it is. */
export function collectorOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:"))
    raise(
      "address",
      `"${text}" is not an address. It looks like https://collector.example.com, or http://127.0.0.1:4318 for a collector on this machine. Nothing was sent.`,
    );
  if (url.protocol === "http:" && !isLoopback(url.hostname))
    raise(
      "address",
      `${url.host} would be spoken to without encryption, so nothing was sent. Use https:// (http:// is for this machine only).`,
    );
  if (url.username !== "" || url.password !== "")
    raise("address", "An address with a name or password in it is not used. Nothing was sent.");
  if (url.pathname === "/") url.pathname = "/v1/traces";
  return url;
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d+){3}$/.test(hostname);
}

/** Answers a sentence when the collector took only a part. */
export async function sendOtlp(
  url: URL,
  json: string,
  signal: AbortSignal,
): Promise<string | null> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: json,
      redirect: "error",
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    text = await beginningOf(response);
  } catch {
    raise(
      "unreachable",
      `${url.host} did not answer as a collector does. It may not have got the traces; sending them again does no harm, their ids stay the same.`,
    );
  }
  if (!response.ok)
    raise(
      "refused",
      `${url.host} did not take the traces: it answered with ${response.status}. Look at the address, and at what the collector wants of a sender.`,
    );
  return partialOf(url, text);
}

const ANSWER_MAX_BYTES = 65_536;

/** What a server goes on sending is neither kept nor waited for. */
async function beginningOf(response: Response): Promise<string> {
  const body: ReadableStream<Uint8Array> | null = response.body;
  const reader = body?.getReader();
  if (reader === undefined) return "";
  const decoder = new TextDecoder();
  let [text, sizeBytes] = ["", 0];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    text += decoder.decode(value, { stream: true });
    sizeBytes += value.length;
    if (sizeBytes > ANSWER_MAX_BYTES) {
      await reader.cancel();
      return text;
    }
  }
}

function partialOf(url: URL, text: string): string | null {
  try {
    const { partialSuccess } = JSON.parse(text) as {
      readonly partialSuccess?: {
        readonly rejectedSpans?: unknown;
        readonly errorMessage?: unknown;
      };
    };
    const rejected = Number(partialSuccess?.rejectedSpans ?? 0);
    if (!(rejected > 0)) return null;
    const why = partialSuccess?.errorMessage;
    const said = typeof why === "string" && why !== "" ? `: ${why.slice(0, SHOWN)}` : "";
    return `${url.host} left out ${rejected} of the spans${said}.`;
  } catch {
    return null;
  }
}
