/**
 * What a team calls a project and the views of it they keep. What may be shared is each person's own consent and is
 * never read from here.
 */
import type * as Y from "yjs";
import { AGENT_IDS, type AgentId } from "../base/session.ts";
import { setSchema } from "./documents.ts";
import { asObject, asOneOf, asText } from "./json.ts";
import { addEntry, readEntries, type Maker } from "./lists.ts";

export interface SavedView {
  readonly name: string;
  /** Null: of every agent. */
  readonly agent: AgentId | null;
  /** Words to look for; "" for none. */
  readonly text: string;
}

export interface ProjectContent {
  readonly name: string | null;
  readonly views: readonly (SavedView & { readonly id: string })[];
}

/** The caller has asked `canWrite`. */
export function setProjectName(doc: Y.Doc, name: string): void {
  doc.transact(() => {
    setSchema("project", doc);
    const fields = doc.getMap("fields");
    if (fields.get("name") !== name) fields.set("name", name);
  });
}

/** Answers the view's id. */
export function addView(doc: Y.Doc, view: SavedView, make: Maker): string {
  return doc.transact(() => {
    setSchema("project", doc);
    return addEntry(
      doc.getMap("views"),
      { name: view.name, agent: view.agent, text: view.text },
      make,
    );
  });
}

export function removeView(doc: Y.Doc, id: string): void {
  doc.getMap("views").delete(id);
}

export function readProject(doc: Y.Doc): ProjectContent {
  return {
    name: asText(doc.getMap("fields").get("name"), MAX_NAME),
    views: readEntries(doc.getMap("views"), readView).map(([id, view]) => ({ id, ...view })),
  };
}

const MAX_NAME = 200;
const MAX_QUERY = 1_000;

function readView(value: unknown): SavedView | null {
  const fields = asObject(value);
  const name = asText(fields?.["name"], MAX_NAME);
  const text = asText(fields?.["text"], MAX_QUERY);
  if (fields === null || name === null || text === null) return null;
  return { name, agent: asOneOf(AGENT_IDS, fields["agent"]), text };
}
