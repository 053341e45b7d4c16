import { PGlite } from "@electric-sql/pglite";
const db=await PGlite.create("/tmp/perf/pp/db");
const ids=(await db.query("select doc from search_docs order by md5(subject) limit 50")).rows.map(r=>r.doc);
const blocks=(await db.query("select segment, block from search_blocks order by md5(first_term) limit 12")).rows;
const run=async(sql,p)=>{ for(let i=0;i<2;i++){const t=performance.now(); await db.query(sql,p); console.log((performance.now()-t).toFixed(1));}
 console.log(sql.slice(0,90)); for(const r of (await db.query("explain (analyze,buffers) "+sql,p)).rows) console.log("   ",r["QUERY PLAN"].slice(0,140)); };
await run(`select d.doc, d.subject, d.session_id, coalesce(s.agent_title, s.prompt_title) as title, e.kind,
       coalesce(e.at, t.at, s.ended_at) as at, concat_ws(' ', e.tool, e.summary) as extra,
       t.title || E'\n' || t.body as decision_text
     from search_docs d
     left join sessions s on s.id = d.session_id
     left join events e on e.id = d.subject
     left join search_decisions t on t.id = d.subject
     where d.doc = any($1::bigint[])`,[ids]);
await run(`select b.segment, b.block, b.data from unnest($1::bigint[], $2::bigint[]) as x(segment, block)
     join search_blocks b on b.segment = x.segment and b.block = x.block`,[blocks.map(b=>b.segment),blocks.map(b=>b.block)]);
await run("select segment from search_segments order by segment",[]);
await run(`select e.id, e.session_id, e.rev, e.at, e.tool, e.summary, d.rev is not null as again
     from sessions s
     join events e on e.session_id = s.id and e.rev > s.index_rev
     left join search_docs d on d.subject = e.id
     where s.rev > s.index_rev and (d.rev is null or d.rev < e.rev)
     order by s.id, e.rev, e.id limit $1`,[20000]);
await db.exec("update sessions set index_rev=0");
await run(`select e.id, e.session_id, e.rev, e.at, e.tool, e.summary, d.rev is not null as again
     from sessions s
     join events e on e.session_id = s.id and e.rev > s.index_rev
     left join search_docs d on d.subject = e.id
     where s.rev > s.index_rev and (d.rev is null or d.rev < e.rev)
     order by s.id, e.rev, e.id limit $1`,[20000]);
