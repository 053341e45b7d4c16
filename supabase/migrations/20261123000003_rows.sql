-- The one way in which a row gets its place: under the lock of its stream's row.

-- A number of four bytes, big-endian; `at` counts from 0.
create function operon.u32(bytes bytea, at integer) returns bigint
  language sql immutable set search_path = ''
  as $$ select ('x' || encode(substr(bytes, at + 1, 4), 'hex'))::bit(32)::bigint $$;

-- The entries of the epochs that rows are taken in: the newest by who leads the team, and what others listed since. Whether theirs
-- fit only devices can tell, so each stands beside the one before, and a bad one is in nobody's way.
create function operon.open_epochs(team text) returns setof public.cloud_log
  language sql stable security definer set search_path = ''
  as $$
    select * from public.cloud_log l where l.team_id = team and l.kind = 'epoch' and l.place >= (
      select max(k.place) from public.cloud_log k where k.team_id = team and k.kind = 'epoch' and k.leads
    )
  $$;

-- Reads the open header of a row (version 1, suite 1: team 3, project 19, document 35, device 51, replica 67 with 16 bytes
-- each, epoch 83, sequence 87), counts, hashes and refuses. A row that is already there, or whose place (device, replica,
-- document, sequence) is taken, is left out without a number being used: whoever inserts finds that nothing was returned.
create function operon.take_number() returns trigger
  language plpgsql security definer set search_path = ''
  as $$
  declare
    stream public.cloud_streams;
  begin
    if octet_length(new.body) < 123 or substr(new.body, 1, 2) <> '\x0101' then
      raise exception 'row_unreadable';
    end if;
    new.hash := sha256(new.body);
    new.doc := substr(new.body, 36, 16);
    new.device := substr(new.body, 52, 16);
    new.replica := substr(new.body, 68, 16);
    new.epoch := operon.u32(new.body, 83);
    new.seq := operon.u32(new.body, 87);

    select * into stream from public.cloud_streams s where s.id = new.stream_id for update;
    if substr(new.body, 4, 16) is distinct from substr(sha256(convert_to(stream.team_id, 'UTF8')), 1, 16)
      or substr(new.body, 20, 16) <> coalesce(uuid_send(stream.project_id), decode(repeat('00', 16), 'hex')) then
      raise exception 'row_misplaced';
    end if;
    perform from public.cloud_rows r
      where r.stream_id = new.stream_id and r.device = new.device and r.replica = new.replica and r.doc = new.doc and r.seq = new.seq;
    if found then
      return null;
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
create trigger take_number before insert on public.cloud_rows for each row execute function operon.take_number();

create function operon.team_channel(team text, epoch bigint) returns text
  language sql immutable set search_path = ''
  as $$ select format('team:%s:%s', team, epoch) $$;

-- Tells those who listen that the stream has grown, and brings them the newest row if it is small: a notification holds under
-- 8,000 bytes. All of the team hear it, so nothing is brought of a project that only some may see. Runs as the owner, because
-- nobody else may send; says only what a member may read, on the channel of the epoch that the row was written in.
create function operon.poke(stream bigint) returns void
  language plpgsql security definer set search_path = ''
  as $$
  declare
    head record;
  begin
    select s.team_id, s.project_id, s.n, s.h, r.epoch, case when octet_length(r.body) <= 4096 and p.seen_by is null then r.body end as body
      into head from public.cloud_streams s
      join public.cloud_rows r on r.stream_id = s.id and r.n = s.n
      left join public.cloud_projects p on p.id = s.project_id
      where s.id = stream and s.id in (select operon.my_streams());
    if found then
      perform realtime.send(
        jsonb_build_object('project', head.project_id, 'n', head.n, 'h', operon.base64(head.h))
          || case when head.body is null then '{}' else jsonb_build_object('row', operon.base64(head.body)) end,
        'poke', operon.team_channel(head.team_id, head.epoch), true
      );
    end if;
  end
  $$;

-- `encode` puts a newline after every 76 characters.
create function operon.base64(bytes bytea) returns text
  language sql immutable set search_path = ''
  as $$ select translate(encode(bytes, 'base64'), E'\n', '') $$;

revoke execute on function operon.u32, operon.open_epochs, operon.take_number, operon.team_channel, operon.poke, operon.base64
  from public, anon, authenticated;
grant execute on function operon.poke, operon.base64 to authenticated;
