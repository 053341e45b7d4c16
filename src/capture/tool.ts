/** What an agent did with a tool, as its event says it. */
import type { EventStatus, FilePatch, Part } from "../base/session.ts";
import type { NewEvent } from "./findings.ts";
import { asString, oneLine, shallow, type JsonObject } from "./json.ts";
import { countLines } from "./patches.ts";

export interface Done {
  readonly name: string;
  readonly input: JsonObject;
  readonly status: EventStatus;
  /** As the agent saw it; empty: nothing. */
  readonly output: string;
  readonly patches: readonly FilePatch[];
  /** Of a call whose input names no target. */
  readonly title: string | null;
}

export function toolFields(done: Done): Pick<NewEvent, "kind"> & Partial<NewEvent> {
  const { name, status, output, patches } = done;
  const input = shallow(done.input);
  const lines = countLines(patches);
  const parts: Part[] = [{ name: "input", body: JSON.stringify(input) }];
  if (output !== "") parts.push({ name: "output", body: output });
  if (patches.length > 0) parts.push({ name: "patch", body: JSON.stringify(patches) });
  return {
    kind: "tool",
    status,
    tool: { name, input },
    summary: targetOf(input) ?? oneLine(done.title ?? name),
    linesAdded: patches.length === 0 ? null : lines.added,
    linesRemoved: patches.length === 0 ? null : lines.removed,
    parts,
  };
}

const TARGETS = [
  "file_path",
  "filePath",
  "path",
  "command",
  "cmd",
  "pattern",
  "regex",
  "query",
  "url",
  "description",
  "name",
] as const;

function targetOf(input: JsonObject): string | null {
  for (const field of TARGETS) {
    const value = asString(input[field])?.trim();
    if (value !== undefined && value !== "") return oneLine(value);
  }
  return null;
}

/** None of an empty text. */
export function textPart(text: string): Part[] {
  return text === "" ? [] : [{ name: "text", body: text }];
}

/** Those of `data:` addresses; an image on another machine is not ours to fetch. Null: none. */
export function imagesPart(addresses: readonly unknown[]): Part | null {
  const images = addresses.flatMap((address) => {
    const match = /^data:([^;,]+);base64,(.+)$/s.exec(asString(address) ?? "");
    return match === null ? [] : [{ mediaType: match[1] as string, base64: match[2] as string }];
  });
  return images.length === 0 ? null : { name: "images", body: JSON.stringify(images) };
}
