/** What of a session is counted, not told: counted anew whenever the session changed, from its own rows. */
import type { SessionId } from "../base/ids.ts";
import { textArray } from "../pg/arrays.ts";
import { CALL_SUMS, type Db } from "./rows.ts";

export async function recount(db: Db, sessions: readonly SessionId[]): Promise<void> {
  await db.query(
    `update sessions s set
       events = e.events, prompts = e.prompts, tools = e.tools, started_at = e.started_at, ended_at = e.ended_at,
       files_changed = f.files_changed, calls = c.calls, input = c.input, output = c.output, cache_read = c.cache_read,
       cache_write = c.cache_write, reasoning = c.reasoning, cost = c.cost, models = c.models
     from unnest($1::text[]) as x(id)
     cross join lateral (
       select count(*) as events,
         count(*) filter (where kind = 'prompt' and lane is null and not rolled_back) as prompts,
         count(*) filter (where kind = 'tool') as tools,
         min(at) as started_at, max(at) as ended_at
       from events where session_id = x.id
     ) e
     cross join lateral (
       select count(distinct path) as files_changed
       from events, json_array_elements_text(changed::json) as path
       where session_id = x.id and changed is not null
     ) f
     cross join lateral (
       select ${CALL_SUMS},
         coalesce(array_agg(distinct c.model order by c.model) filter (where c.model is not null), '{}') as models
       from calls c where c.session_id = x.id
     ) c
     where s.id = x.id`,
    [textArray(sessions)],
  );
}
