/** Some sessions in several steps each, with tools that answer later and calls that grow. */
import type { CaptureBatch } from "../../src/base/session.ts";
import { NOW, batch, call, event, eventId } from "./captures.ts";

const SESSIONS = 6;
const STEPS = 5;

export function manyBatches(): readonly CaptureBatch[] {
  return Array.from({ length: SESSIONS * STEPS }, (_, i) =>
    step(`s${i % SESSIONS}`, Math.floor(i / SESSIONS)),
  );
}

function step(source: string, n: number): CaptureBatch {
  const name = (kind: string, at: number): string => `${source} ${kind} ${at}`;
  return batch(source, {
    facts: { cwd: `/work/${source}`, title: `Session ${source} ${n}` },
    events: [
      event(name("prompt", n), {
        kind: "prompt",
        order: n * 10_000,
        at: NOW + n,
        text: `please ${source} ${n}`,
      }),
      event(name("tool", n), {
        kind: "tool",
        order: n * 10_000 + 1,
        status: "running",
        callKey: `${source}-${n}/r`,
        parts: [{ name: "input", body: `${source} `.repeat(3_000) }],
      }),
    ],
    patches:
      n === 0
        ? []
        : [
            {
              id: eventId(name("tool", n - 1)),
              at: NOW,
              status: "ok",
              parts: [{ name: "output", body: `out ${n}` }],
            },
          ],
    calls: [
      call(`${source}-${n}/r`, 10),
      ...(n === 0 ? [] : [call(`${source}-${n - 1}/r`, 20 + n)]),
    ],
    file: { offset: (n + 1) * 100 },
  });
}
