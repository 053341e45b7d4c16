/** What a team calls a project. What may be shared is each person's own consent and is never read from here. */
import type * as Y from "yjs";
import { setSchema } from "./documents.ts";
import { asText } from "./json.ts";

interface ProjectContent {
  readonly name: string | null;
}

/** The caller has asked `canWrite`. */
export function setProjectName(doc: Y.Doc, name: string): void {
  doc.transact(() => {
    setSchema("project", doc);
    const fields = doc.getMap("fields");
    if (fields.get("name") !== name) fields.set("name", name);
  });
}

export function readProject(doc: Y.Doc): ProjectContent {
  return { name: asText(doc.getMap("fields").get("name"), MAX_NAME) };
}

const MAX_NAME = 200;
