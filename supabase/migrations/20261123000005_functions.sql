-- What clients call. Each runs as its caller, so the policies decide; bytes travel as base64 in JSON.
-- Errors are `raise exception '<word>'`: the word is for programs, the client has the sentence.

-- All entries, or none and a word why: see `operon.append`, which is the one function that runs as the owner for its caller.
create function public.cloud_log_append(team text, listed integer, entries jsonb) returns jsonb
  language plpgsql volatile security invoker set search_path = ''
  as $$
  begin
    return jsonb_build_object('late', operon.append(team, cloud_log_append.listed, entries));
  end
  $$;

-- What is listed behind the first `after`, up to about 4 MiB, and how many there are.
create function public.cloud_log_read(team text, after integer) returns jsonb
  language plpgsql stable security invoker set search_path = ''
  as $$
  begin
    if operon.my_role(team) is null then
      raise exception 'not_a_member';
    end if;
    return jsonb_build_object('listed', operon.listed(team), 'entries', operon.entries(team, after, 4194304));
  end
  $$;

create function public.cloud_epochs(team text, device text) returns jsonb
  language plpgsql stable security invoker set search_path = ''
  as $$
  begin
    if operon.my_role(team) is null then
      raise exception 'not_a_member';
    end if;
    return operon.epochs(team, decode(device, 'hex'));
  end
  $$;

create function public.cloud_key_record_put(team text, entry text, key_record text) returns jsonb
  language plpgsql volatile security invoker set search_path = ''
  as $$
  begin
    update public.cloud_epochs e set key_record = decode(cloud_key_record_put.key_record, 'base64')
      where e.team_id = team and e.entry = decode(cloud_key_record_put.entry, 'base64');
    if not found then
      raise insufficient_privilege;
    end if;
    return '{}';
  end
  $$;

-- [[project or null, n, h], …] of all streams of the team, what the caller may not read too: for fences.
create function public.cloud_heads(team text) returns jsonb
  language plpgsql stable security invoker set search_path = ''
  as $$
  begin
    if operon.my_role(team) is null then
      raise exception 'not_a_member';
    end if;
    return (
      select jsonb_agg(jsonb_build_array(s.project_id, s.n, operon.base64(s.h)) order by s.id)
      from public.cloud_streams s where s.team_id = team
    );
  end
  $$;

-- Bundle, log and epochs, so that log and passphrase can be tried before the invite is used up.
create function public.cloud_invite_open(team text, proof text) returns jsonb
  language plpgsql volatile security invoker set search_path = ''
  as $$
  declare
    invite public.cloud_invites := operon.present(team, decode(proof, 'base64'));
  begin
    return jsonb_build_object(
      'bundle', operon.base64(invite.bundle),
      'log', operon.entries(team, 0, null),
      'epochs', operon.epochs(team, null)
    );
  end
  $$;

create function public.cloud_project_create(team text) returns jsonb
  language plpgsql volatile security invoker set search_path = ''
  as $$
  declare
    project uuid;
  begin
    insert into public.cloud_projects (team_id) values (team) returning id into project;
    return jsonb_build_object('project', project);
  end
  $$;

-- One answer a row, in order, up to the first conflict: {n, h} stored now, {n} known, {conflict}. At most 2,500 rows, more than
-- devices send at once: while they are numbered, others wait.
create function public.cloud_push(team text, project uuid, rows jsonb) returns jsonb
  language plpgsql volatile security invoker set search_path = ''
  as $$
  declare
    stream bigint;
    bytes bytea;
    stored_n bigint;
    stored_h bytea;
    stored boolean := false;
    answers jsonb := '[]';
  begin
    select s.id into stream from public.cloud_streams s
      where s.team_id = team and s.project_id is not distinct from project and s.id in (select operon.my_streams());
    if not found then
      raise exception 'not_a_member';
    end if;
    if jsonb_array_length(rows) > 2500 then
      raise exception 'too_many_rows';
    end if;
    for bytes in select decode(r.row, 'base64') from jsonb_array_elements_text(rows) with ordinality r (row, place) order by r.place loop
      insert into public.cloud_rows (stream_id, body) values (stream, bytes) returning n, h into stored_n, stored_h;
      if found then
        stored := true;
        answers := answers || jsonb_build_object('n', stored_n, 'h', operon.base64(stored_h));
      else
        select n into stored_n from public.cloud_rows where stream_id = stream and hash = sha256(bytes);
        if not found then
          answers := answers || jsonb_build_object('conflict', true);
          exit;
        end if;
        answers := answers || jsonb_build_object('n', stored_n);
      end if;
    end loop;
    if stored then
      perform operon.poke(stream);
    end if;
    return answers;
  end
  $$;

-- `cursors`: [[project or null, n], …]; a stream not named is read from its start. At most `max_rows` rows and about 4 MiB.
-- Stable: all it reads is of one moment, the number of entries that the log lists too.
create function public.cloud_pull(team text, cursors jsonb, max_rows integer) returns jsonb
  language plpgsql stable security invoker set search_path = ''
  as $$
  declare
    stream record;
    page record;
    rows_left integer := greatest(1, least(max_rows, 10000));
    bytes_left bigint := 4194304;
    heads jsonb := '[]';
    rows jsonb := '[]';
    more boolean := false;
  begin
    for stream in
      select s.id, s.project_id, s.n, s.h, coalesce((
        select max((c.cursor ->> 1)::bigint) from jsonb_array_elements(cursors) c (cursor)
        where (c.cursor ->> 0)::uuid is not distinct from s.project_id
      ), 0) as after
      from public.cloud_streams s where s.team_id = team and s.id in (select operon.my_streams()) order by s.id
    loop
      heads := heads || jsonb_build_array(jsonb_build_array(stream.project_id, stream.n, operon.base64(stream.h)));
      continue when stream.after >= stream.n;
      if rows_left <= 0 or bytes_left <= 0 then
        more := true;
        continue;
      end if;
      select jsonb_agg(jsonb_build_array(stream.project_id, m.n, operon.base64(m.body)) order by m.n) as rows,
        count(*) as count, sum(octet_length(m.body)) as bytes
        into page
        from (
          select r.n, r.body, sum(octet_length(r.body)) over (order by r.n) - octet_length(r.body) as bytes_before
          from public.cloud_rows r where r.stream_id = stream.id and r.n > stream.after order by r.n limit rows_left
        ) m
        where m.bytes_before < bytes_left;
      rows := rows || coalesce(page.rows, '[]');
      more := more or page.count < stream.n - stream.after;
      rows_left := rows_left - page.count;
      bytes_left := bytes_left - coalesce(page.bytes, 0);
    end loop;
    if heads = '[]' then
      raise exception 'not_a_member';
    end if;
    return jsonb_build_object('listed', operon.listed(team), 'heads', heads, 'rows', rows, 'more', more);
  end
  $$;

do $$
declare
  f regprocedure;
begin
  for f in select p.oid::regprocedure from pg_catalog.pg_proc p where p.pronamespace = 'public'::regnamespace and p.proname like 'cloud\_%' loop
    execute format('revoke execute on function %s from public, anon, authenticated', f);
    execute format('grant execute on function %s to authenticated', f);
  end loop;
end
$$;
