-- Snapshots, which only devices can make and judge: what their rows' open headers say, and which bodies may go for them.

-- `kind` 1 a change, 2 a snapshot's row, 5 attest, 6 dispute, 7 vouch. `mark`: in a snapshot's row the last row that it covers, in the
-- others the last row of the snapshot they speak of. `rest`: how many rows of the snapshot follow. Null `body`: a snapshot covers it.
alter table public.cloud_rows alter column body drop not null;
alter table public.cloud_rows add column kind smallint not null default 1;
alter table public.cloud_rows add column mark bigint;
alter table public.cloud_rows add column rest integer;
alter table public.cloud_rows add column came_at timestamptz not null default now();
create index on public.cloud_rows (stream_id, kind, mark) where kind <> 1;

-- The snapshots, by their last rows, for which bodies went.
create table public.cloud_compactions (
  stream_id bigint not null references public.cloud_streams (id) on delete cascade,
  last bigint not null,
  asked_by uuid not null default auth.uid(),
  at timestamptz not null default now(),
  primary key (stream_id, last)
);
alter table public.cloud_compactions enable row level security;
alter table public.cloud_compactions force row level security;
revoke all on table public.cloud_compactions from public, anon, authenticated;
grant select, insert (stream_id, last) on public.cloud_compactions to authenticated;

create or replace function operon.take_number() returns trigger
  language plpgsql security definer set search_path = ''
  as $$
  declare
    stream public.cloud_streams;
  begin
    if octet_length(new.body) < 123 or substr(new.body, 1, 2) <> '\x0101' then
      raise exception 'row_unreadable';
    end if;
    new.hash := sha256(new.body);
    new.kind := get_byte(new.body, 2);
    new.doc := substr(new.body, 36, 16);
    new.device := substr(new.body, 52, 16);
    new.replica := substr(new.body, 68, 16);
    new.epoch := operon.u32(new.body, 83);
    new.seq := operon.u32(new.body, 87);
    new.mark := null;
    new.rest := null;
    if new.kind in (2, 5, 6, 7) then
      if octet_length(new.body) < 131 then
        raise exception 'row_unreadable';
      end if;
      new.mark := operon.u32(new.body, 121) % 65536 * 4294967296 + operon.u32(new.body, 125);
      new.rest := operon.u32(new.body, 127) % 65536;
    end if;

    select * into stream from public.cloud_streams s where s.id = new.stream_id for update;
    if substr(new.body, 4, 16) is distinct from substr(sha256(convert_to(stream.team_id, 'UTF8')), 1, 16)
      or substr(new.body, 20, 16) <> coalesce(uuid_send(stream.project_id), decode(repeat('00', 16), 'hex')) then
      raise exception 'row_misplaced';
    end if;
    perform from public.cloud_rows r
      where r.stream_id = new.stream_id and r.device = new.device and r.replica = new.replica and r.doc = new.doc and r.seq = new.seq;
    if found or operon.is_closed(new) then
      return null;
    end if;
    -- A snapshot covers what is there; the others speak of one that is.
    if new.kind = 2 and new.mark > stream.n
      or new.kind in (5, 6, 7) and not operon.is_snapshot(new.stream_id, new.mark) then
      raise exception 'row_misplaced';
    end if;
    if new.epoch not in (select o.epoch from operon.open_epochs(stream.team_id) o) then
      raise exception 'stale_epoch';
    end if;
    new.n := stream.n + 1;
    new.h := sha256(stream.h || new.hash);
    update public.cloud_streams set n = new.n, h = new.h where id = new.stream_id;
    return new;
  end
  $$;

-- Does a snapshot cover the row before this one in its chain? Who writes goes on as a new replica, as after any conflict.
create function operon.is_closed(next public.cloud_rows) returns boolean
  language sql stable set search_path = ''
  as $$
    select coalesce((
      select r.n <= (select max(s.mark) from public.cloud_rows s where s.stream_id = next.stream_id and s.kind = 2 and s.rest = 0)
      from public.cloud_rows r
      where r.stream_id = next.stream_id and r.device = next.device and r.replica = next.replica and r.doc = next.doc and r.seq = next.seq - 1
    ), false)
  $$;

-- Is this the last row of one?
create function operon.is_snapshot(stream bigint, last bigint) returns boolean
  language sql stable set search_path = ''
  as $$ select exists (select from public.cloud_rows s where s.stream_id = stream and s.n = last and s.kind = 2 and s.rest = 0) $$;

-- Does the device belong to an owner or admin of the stream's team?
create function operon.leads(stream bigint, device bytea) returns boolean
  language sql stable set search_path = ''
  as $$
    select exists (
      select from public.cloud_streams s
      join public.cloud_devices d on d.team_id = s.team_id
      join public.cloud_members m on m.team_id = s.team_id and m.user_id = d.user_id
      where s.id = stream and d.id = device and m.role in ('owner', 'admin')
    )
  $$;

-- Has a device that did not make the snapshot a row behind those it covers?
create function operon.others_active(made public.cloud_rows) returns boolean
  language sql stable set search_path = ''
  as $$
    select exists (
      select from public.cloud_rows o where o.stream_id = made.stream_id and o.n > made.mark and o.device <> made.device
    )
  $$;

-- May the bodies go that this snapshot covers? Devices judge what it says; here is counted who said what. A word has its place
-- behind the snapshot, so the newest of two is the one with the larger number.
create function operon.may_drop(stream bigint, last bigint) returns boolean
  language sql stable security definer set search_path = ''
  as $$
    with words as (
      select w.kind, w.n, w.device from public.cloud_rows w
      where w.stream_id = stream and w.kind in (5, 6, 7) and w.mark = last
    )
    select coalesce((
      select case
        when exists (
          select from words v
          where v.kind = 7 and operon.leads(stream, v.device) and v.n > all (select d.n from words d where d.kind = 6)
        ) then true
        when exists (select from words d where d.kind = 6) then false
        when exists (select from words a where a.kind = 5 and a.device <> s.device) then true
        else s.came_at <= now() - interval '30 days' and not operon.others_active(s)
      end
      from public.cloud_rows s
      where s.stream_id = stream and s.n = last and s.kind = 2 and s.rest = 0
        and s.stream_id in (select operon.my_streams())
        and last > all (select c.last from public.cloud_compactions c where c.stream_id = stream)
    ), false)
  $$;

-- The previous snapshot stays whole, and so does every word.
create function operon.drop_bodies() returns trigger
  language plpgsql security definer set search_path = ''
  as $$
  declare
    made public.cloud_rows;
    previous public.cloud_rows;
  begin
    select * into made from public.cloud_rows r where r.stream_id = new.stream_id and r.n = new.last;
    select r.* into previous from public.cloud_compactions c
      join public.cloud_rows r on r.stream_id = c.stream_id and r.n = c.last
      where c.stream_id = new.stream_id and c.last < new.last order by c.last desc limit 1;
    update public.cloud_rows r set body = null
      where r.stream_id = new.stream_id and r.n <= made.mark and r.body is not null and (
        r.kind = 1
        or r.kind = 2 and (r.device, r.replica, r.mark) is distinct from (previous.device, previous.replica, previous.mark)
      );
    return null;
  end
  $$;
create trigger drop_bodies after insert on public.cloud_compactions for each row execute function operon.drop_bodies();

create policy compactions_select on public.cloud_compactions for select to authenticated
  using (stream_id in (select operon.my_streams()));
create policy compactions_insert on public.cloud_compactions for insert to authenticated
  with check (operon.may_drop(stream_id, last));

-- Which snapshots of a stream are worth a look, by their last rows: the newest two for which bodies went, and of those behind them the newest
-- four for which they may go, and the newest two of each device (32 in all). So nobody hides those that stand behind many that do not.
create function operon.snapshots_of(stream bigint) returns setof bigint
  language sql stable set search_path = ''
  as $$
    with done as (
      select c.last from public.cloud_compactions c where c.stream_id = stream order by c.last desc limit 2
    ), behind as (
      select s.n, row_number() over (partition by s.device order by s.n desc) as place
      from public.cloud_rows s
      where s.stream_id = stream and s.kind = 2 and s.rest = 0 and s.n > all (select d.last from done d)
    ), standing as (
      select b.n from behind b where operon.may_drop(stream, b.n) order by b.n desc limit 4
    ), waiting as (
      select b.n from behind b where b.place <= 2 order by b.n desc limit 32
    )
    select d.last from done d union select t.n from standing t union select w.n from waiting w
  $$;

-- Those snapshots, and what was said of each. `bytes`: of all changes; `behind`: of those that it does not cover.
create function public.cloud_snapshots(team text, project uuid) returns jsonb
  language plpgsql stable security invoker set search_path = ''
  as $$
  declare
    stream bigint := operon.stream_of(team, project);
  begin
    return jsonb_build_object(
      'bytes', (select coalesce(sum(octet_length(r.body)), 0) from public.cloud_rows r where r.stream_id = stream and r.kind = 1),
      'snapshots', (
        select coalesce(jsonb_agg(jsonb_build_object(
          'last', s.n,
          'n', s.mark,
          'device', encode(s.device, 'hex'),
          'bytes', (
            select coalesce(sum(octet_length(r.body)), 0) from public.cloud_rows r
            where r.stream_id = stream and r.kind = 2 and r.mark = s.mark and r.device = s.device and r.replica = s.replica
          ),
          'behind', (
            select coalesce(sum(octet_length(r.body)), 0) from public.cloud_rows r
            where r.stream_id = stream and r.kind = 1 and r.n > s.mark
          ),
          'days', floor(extract(epoch from now() - s.came_at) / 86400),
          'othersActive', operon.others_active(s),
          'dropped', exists (select from public.cloud_compactions c where c.stream_id = stream and c.last = s.n),
          'words', (
            select coalesce(jsonb_agg(jsonb_build_array(w.n, operon.base64(w.body)) order by w.n), '[]')
            from public.cloud_rows w where w.stream_id = stream and w.kind in (5, 6, 7) and w.mark = s.n
          )
        ) order by s.n desc), '[]')
        from public.cloud_rows s
        where s.stream_id = stream and s.n in (select operon.snapshots_of(stream))
      )
    );
  end
  $$;

-- The rows of one snapshot behind `after`, about 4 MiB.
create function public.cloud_snapshot_rows(team text, project uuid, last bigint, after bigint) returns jsonb
  language plpgsql stable security invoker set search_path = ''
  as $$
  declare
    stream bigint := operon.stream_of(team, project);
    made public.cloud_rows;
    page record;
  begin
    select * into made from public.cloud_rows r
      where r.stream_id = stream and r.n = cloud_snapshot_rows.last and operon.is_snapshot(stream, r.n);
    select jsonb_agg(jsonb_build_array(m.n, operon.base64(m.body)) order by m.n) as rows, max(m.n) as newest
      into page
      from (
        select r.n, r.body, sum(octet_length(r.body)) over (order by r.n) - octet_length(r.body) as bytes_before
        from public.cloud_rows r
        where r.stream_id = stream and r.kind = 2 and r.device = made.device and r.replica = made.replica and r.mark = made.mark
          and r.n > after and r.n <= made.n and r.body is not null
      ) m
      where m.bytes_before < 4194304;
    return jsonb_build_object('rows', coalesce(page.rows, '[]'), 'more', coalesce(page.newest < made.n, false));
  end
  $$;

-- Again for the same snapshot: nothing changes.
create function public.cloud_compact(team text, project uuid, last bigint) returns jsonb
  language plpgsql volatile security invoker set search_path = ''
  as $$
  declare
    stream bigint := operon.stream_of(team, project);
  begin
    if not exists (select from public.cloud_compactions c where c.stream_id = stream and c.last = cloud_compact.last) then
      if not operon.may_drop(stream, cloud_compact.last) then
        raise exception 'not_attested';
      end if;
      insert into public.cloud_compactions (stream_id, last) values (stream, cloud_compact.last);
    end if;
    return jsonb_build_object('last', cloud_compact.last);
  end
  $$;

-- As the caller sees it.
create function operon.stream_of(team text, project uuid) returns bigint
  language plpgsql stable set search_path = ''
  as $$
  declare
    stream bigint;
  begin
    select s.id into stream from public.cloud_streams s
      where s.team_id = team and s.project_id is not distinct from project and s.id in (select operon.my_streams());
    if not found then
      raise exception 'not_a_member';
    end if;
    return stream;
  end
  $$;

-- `cursors`: [[project or null, n, held], …]; a stream not named is read from its start. Up to number `held` a snapshot's rows come without
-- body: the caller has them. A row without body is [project, n, null, hash]. At most `max_rows` rows and about 4 MiB, for at most
-- 10,000 cursors: a device asks with one a stream.
-- Stable: all it reads is of one moment, the number of entries that the log lists too.
create or replace function public.cloud_pull(team text, cursors jsonb, max_rows integer) returns jsonb
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
    if jsonb_array_length(cursors) > 10000 then
      raise exception 'too_many_cursors';
    end if;
    for stream in
      with asked as materialized (
        select coalesce(c.cursor ->> 0, '') as project, max((c.cursor ->> 1)::bigint) as after, max((c.cursor ->> 2)::bigint) as held
        from jsonb_array_elements(cursors) c (cursor) group by 1
      )
      select s.id, s.project_id, s.n, s.h, coalesce(a.after, 0) as after, coalesce(a.held, 0) as held
      from public.cloud_streams s
      left join asked a on a.project = coalesce(s.project_id::text, '')
      where s.team_id = team and s.id in (select operon.my_streams()) order by s.id
    loop
      heads := heads || jsonb_build_array(jsonb_build_array(stream.project_id, stream.n, operon.base64(stream.h)));
      continue when stream.after >= stream.n;
      if rows_left <= 0 or bytes_left <= 0 then
        more := true;
        continue;
      end if;
      select jsonb_agg(
          case when m.body is null then jsonb_build_array(stream.project_id, m.n, null, operon.base64(m.hash))
          else jsonb_build_array(stream.project_id, m.n, operon.base64(m.body)) end order by m.n
        ) as rows,
        count(*) as count, sum(m.bytes) as bytes
        into page
        from (
          select b.*, sum(b.bytes) over (order by b.n) - b.bytes as bytes_before
          from (
            select r.n, r.hash, d.body, coalesce(octet_length(d.body), octet_length(r.hash)) as bytes
            from public.cloud_rows r
            cross join lateral (select case when r.kind <> 2 or r.n > stream.held then r.body end as body) d
            where r.stream_id = stream.id and r.n > stream.after order by r.n limit rows_left
          ) b
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

revoke execute on function operon.is_closed, operon.is_snapshot, operon.leads, operon.others_active, operon.may_drop, operon.drop_bodies, operon.stream_of
  from public, anon, authenticated;
revoke execute on function operon.snapshots_of from public, anon, authenticated;
grant execute on function operon.is_snapshot, operon.others_active, operon.may_drop, operon.snapshots_of, operon.stream_of to authenticated;
revoke execute on function public.cloud_snapshots, public.cloud_snapshot_rows, public.cloud_compact from public, anon, authenticated;
grant execute on function public.cloud_snapshots, public.cloud_snapshot_rows, public.cloud_compact to authenticated;
