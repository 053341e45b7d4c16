/**
 * What the JSON schema in section 6.1 of the Agent Trace specification 0.1.0 (https://agent-trace.dev, CC BY 4.0) asks of
 * a record, in words of our own, and more strictly: nothing that it does not name.
 */
import * as v from "valibot";
import { expect } from "vitest";

const line = v.pipe(v.number(), v.integer(), v.minValue(1));
const contributor = v.strictObject({
  type: v.picklist(["human", "ai", "mixed", "unknown"]),
  model_id: v.exactOptional(v.pipe(v.string(), v.maxLength(250))),
});
const range = v.pipe(
  v.strictObject({
    start_line: line,
    end_line: line,
    content_hash: v.exactOptional(v.string()),
    contributor: v.exactOptional(contributor),
  }),
  v.check(({ start_line, end_line }) => start_line <= end_line),
);
const resource = v.strictObject({ type: v.string(), url: v.pipe(v.string(), v.url()) });
const conversation = v.strictObject({
  url: v.exactOptional(v.pipe(v.string(), v.url())),
  contributor: v.exactOptional(contributor),
  ranges: v.array(range),
  related: v.exactOptional(v.array(resource)),
});
const RECORD = v.strictObject({
  version: v.pipe(v.string(), v.regex(/^[0-9]+\.[0-9]+\.[0-9]+$/)),
  id: v.pipe(v.string(), v.uuid()),
  timestamp: v.pipe(v.string(), v.isoTimestamp()),
  vcs: v.exactOptional(
    v.strictObject({ type: v.picklist(["git", "jj", "hg", "svn"]), revision: v.string() }),
  ),
  tool: v.exactOptional(
    v.strictObject({ name: v.exactOptional(v.string()), version: v.exactOptional(v.string()) }),
  ),
  files: v.array(v.strictObject({ path: v.string(), conversations: v.array(conversation) })),
  metadata: v.exactOptional(v.record(v.string(), v.unknown())),
});

export function expectAgentTrace(record: unknown): void {
  const read = v.safeParse(RECORD, record);
  expect(read.issues?.map((issue) => [v.getDotPath(issue), issue.message])).toBeUndefined();
}
