-- A removal draws fences where it matters, so that nobody makes himself a member for good by making streams; and nobody makes
-- more of them than people have projects.

-- Under the locks of all streams, so that what is pushed meanwhile waits and finds the rights ended: does each fence stand at a
-- place that was its stream's head, with nothing behind it of who is removed? Others may have gone on. A stream in which they
-- wrote has one, unless there are as many as an entry holds; where there is none, devices count nothing of them.
create or replace function operon.fences_fit(e public.cloud_log) returns boolean
  language plpgsql volatile set search_path = ''
  as $$
  declare
    body bytea := operon.body_of(e.entry);
    zeros bytea := decode(repeat('00', 32), 'hex');
    gone bytea[] := array[e.about];
    most integer := 2048;
  begin
    perform from public.cloud_streams s where s.team_id = e.team_id order by s.id for update;
    if e.kind = 'remove-member' then
      gone := array(
        select d.id from public.cloud_devices d where d.team_id = e.team_id and d.user_id = operon.account(e.about, 0)
      );
    end if;
    return (
      with fences as materialized (
        select operon.id(body, i) as stream, operon.u48(body, i + 16) as n, substr(body, i + 23, 32) as h
        from (select 18 + 54 * k as i from generate_series(0, operon.u16(body, 16) - 1) k) at
      ), streams as materialized (
        select s.id, coalesce(uuid_send(s.project_id), substr(zeros, 1, 16)) as stream
        from public.cloud_streams s where s.team_id = e.team_id
      )
      select (select count(*) = count(distinct f.stream) from fences f)
        and not exists (
          select from fences f left join streams s using (stream)
          where s.id is null
            or f.h is distinct from case f.n when 0 then zeros else (
              select r.h from public.cloud_rows r where r.stream_id = s.id and r.n = f.n
            ) end
            or exists (select from public.cloud_rows r where r.stream_id = s.id and r.n > f.n and r.device = any (gone))
        )
        and (operon.u16(body, 16) = most or not exists (
          select from streams s left join fences f using (stream)
          where f.stream is null
            and exists (select from public.cloud_rows r where r.stream_id = s.id and r.device = any (gone))
        ))
    );
  end
  $$;

-- Under the lock of the team, so that two at once do not both count the other's as not there yet.
create or replace function operon.found_project() returns trigger
  language plpgsql security definer set search_path = ''
  as $$
  begin
    perform from public.cloud_teams t where t.id = new.team_id for no key update;
    if (select count(*) from public.cloud_projects p where p.team_id = new.team_id) > 1000
      or (select count(*) from public.cloud_projects p where p.team_id = new.team_id and p.created_by = new.created_by) > 250 then
      raise exception 'too_many_projects';
    end if;
    insert into public.cloud_streams (team_id, project_id) values (new.team_id, new.id);
    return null;
  end
  $$;
