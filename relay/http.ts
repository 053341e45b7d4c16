/** Reading requests and writing answers, with limits. Nothing of a body is ever logged. */
import type { IncomingMessage, ServerResponse } from "node:http";

/** Ends a request with this answer. */
export class HttpError extends Error {
  readonly status: number;
  readonly body: object;

  constructor(status: number, body: object) {
    super(`HTTP ${status}`);
    this.status = status;
    this.body = body;
  }
}

export interface Answer {
  readonly status: number;
  /** JSON text; null for none. */
  readonly json: string | null;
}

export function answer(status: number, value: unknown): Answer {
  return { status, json: JSON.stringify(value) };
}

export const NO_CONTENT: Answer = { status: 204, json: null };

/** Throws `HttpError` 400: the path of a request line may be anything, `//` too. */
export function urlOf(request: IncomingMessage): URL {
  const path = request.url ?? "/";
  if (!URL.canParse(path, "http://relay"))
    throw new HttpError(400, { message: "The request's path cannot be read." });
  return new URL(path, "http://relay");
}

/** Rejects with `HttpError`: 413 beyond `maxBytes`, 400 when the client goes away before the end. */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBytes) return chunks.push(chunk);
      request.pause();
      reject(new HttpError(413, { message: `A request may have ${maxBytes} bytes.` }));
    });
    request.on("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
    request.on("close", () =>
      reject(new HttpError(400, { message: "The request ended too early." })),
    );
  });
}

/** Throws `HttpError` 400 on anything but one JSON object. */
export function parseObject(text: string): Record<string, unknown> {
  let value: unknown = null;
  try {
    value = JSON.parse(text === "" ? "{}" : text);
  } catch {
    // Answered below.
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new HttpError(400, {
      code: "PGRST102",
      message: "Empty or invalid json",
      details: null,
      hint: null,
    });
  return value as Record<string, unknown>;
}

export function bearer(request: IncomingMessage): string | null {
  return /^Bearer (.+)$/i.exec(request.headers.authorization ?? "")?.[1] ?? null;
}

const CORS = {
  // Nothing here is decided by a cookie, so any page may ask: it needs a token to be answered.
  "access-control-allow-origin": "*",
  "access-control-allow-methods": "GET, POST, PUT, OPTIONS",
  "access-control-allow-headers":
    "authorization, apikey, content-type, accept, accept-profile, content-profile, prefer, x-client-info, x-supabase-api-version, x-retry-count",
  "access-control-max-age": "86400",
};

export function respond(response: ServerResponse, { status, json }: Answer): void {
  if (response.headersSent || response.destroyed) return;
  const headers: Record<string, string | number> = { ...CORS, "cache-control": "no-store" };
  // The rest of a body that was not read would stand before the next request.
  if (status === 413) headers["connection"] = "close";
  if (json !== null) {
    headers["content-type"] = "application/json; charset=utf-8";
    headers["content-length"] = Buffer.byteLength(json);
  }
  response.writeHead(status, headers);
  response.end(json ?? undefined);
}
