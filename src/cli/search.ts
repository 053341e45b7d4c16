import { UsageError, type Command } from "./command.ts";
import { FILTER_ABOUT, FILTER_OPTIONS, FILTER_USAGE, filterOf } from "./filter.ts";
import { oneLine, print, printJson, say } from "./output.ts";
import { readCount, when } from "./words.ts";

export const search: Command = {
  usage: [`search QUERY [--session ID] ${FILTER_USAGE} [--limit N] [--json]`],
  about:
    "Full text over everything local: prompts, responses, what tools were asked and answered, decisions (which are in no\n" +
    `session, agent or project). ${FILTER_ABOUT}\n` +
    "QUERY is words, phrases in quotes, and filters: agent:codex project:NAME tool:Bash file:src/app.ts model:opus kind:prompt\n" +
    "before:2026-11-01 after:2w. A value with spaces stands in quotes: 'project:\"my app\"'. Filters alone list the newest.",
  options: { ...FILTER_OPTIONS, session: { type: "string" }, limit: { type: "string" } },
  async run(context) {
    const query = context.args.join(" ").trim();
    if (query === "") throw new UsageError("QUERY is missing.");
    const limit = context.option("limit");
    const session = context.option("session");
    const filter = filterOf(context);
    const { hits, instead } = await context.call("search", {
      query,
      ...filter,
      ...(session !== null && { session }),
      ...(limit !== null && { limit: readCount(limit, "limit") }),
    });
    if (instead !== null)
      say(`Nothing here has "${oneLine(query)}". Showing results for ${oneLine(instead)}.`);
    if (context.json) {
      printJson(
        hits.map((hit) => ({ ...hit, snippet: hit.snippet.replaceAll(/[\u0002\u0003]/g, "") })),
      );
      return 0;
    }
    if (hits.length === 0) {
      const isNarrowed = session !== null || Object.keys(filter).length > 0;
      say(`Nothing ${isNarrowed ? "that fits the options" : "here"} has "${oneLine(query)}".`);
    }
    for (const hit of hits) {
      print(
        `${hit.decision ?? hit.session}  ${when(hit.at)}  ${hit.kind}  ${oneLine(hit.sessionTitle ?? "")}`.trimEnd(),
      );
      print(`    ${marked(hit.snippet)}`);
    }
    return 0;
  },
};

/** Matches bold on a terminal. */
function marked(snippet: string): string {
  const parts = snippet.split(/([\u0002\u0003])/);
  const bold = process.stdout.isTTY === true;
  return parts
    .map((text) => {
      if (text === "\u0002") return bold ? "\u001b[1m" : "";
      if (text === "\u0003") return bold ? "\u001b[22m" : "";
      return text.replaceAll(/\s+/g, " ").replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, "");
    })
    .join("");
}
