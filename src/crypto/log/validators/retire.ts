/** Taking shared documents back. Whose a list of documents is cannot be told here: `isTakenBack` asks who wrote them. */
import { deny, leads, type Validator } from "./case.ts";

export const mayRetire: Validator = ({ author, entry: { body } }) => {
  if (body.kind !== "retire" || author === null || leads(author)) return null;
  const { scope } = body;
  return scope.what === "documents" || (scope.what === "member" && scope.member === author.member)
    ? null
    : deny("log-rights", "its author may take back only documents of their own");
};
