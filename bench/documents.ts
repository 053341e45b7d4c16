/** Documents that were written a word at a time, mostly at the end; the same on both sides of a comparison. */
import { openDoc } from "../src/crdt/documents.ts";
import { typedText } from "./typing.ts";

type Doc = ReturnType<typeof openDoc>;

export interface Amount {
  readonly documents: number;
  /** Over all of them. */
  readonly edits: number;
  /** Edits of one document that leave together. */
  readonly batch: number;
}

/** Round by round over all documents. `onBatch` is called after each document's batch. */
export function writeDocuments(
  { documents, edits, batch }: Amount,
  onBatch: (doc: Doc, index: number) => void,
): readonly Doc[] {
  const each = Math.floor(edits / documents);
  const words = typedText(6 * edits).match(/.{6}/gs) ?? [];
  const docs = Array.from({ length: documents }, () => openDoc(null));
  for (let done = 0; done < each; done += batch)
    for (const [index, doc] of docs.entries()) {
      const text = doc.getText("context");
      for (let i = done; i < Math.min(done + batch, each); i++)
        text.insert(i % 5 === 4 ? text.length >> 1 : text.length, words[index * each + i] ?? "");
      onBatch(doc, index);
    }
  return docs;
}
