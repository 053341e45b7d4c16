-- The one way in which a row gets its place: under the lock of its stream's row.

-- A number of four bytes, big-endian; `at` counts from 0.
create function operon.u32(bytes bytea, at integer) returns bigint
  language sql immutable set search_path = ''
  as $$ select ('x' || encode(substr(bytes, at + 1, 4), 'hex'))::bit(32)::bigint $$;

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
    if new.epoch <> (select max(k.epoch) from public.cloud_keys k where k.team_id = stream.team_id) then
      raise exception 'stale_epoch';
    end if;
    new.n := stream.n + 1;
    new.h := sha256(stream.h || new.hash);
    update public.cloud_streams set n = new.n, h = new.h where id = new.stream_id;
    return new;
  end
  $$;
create trigger take_number before insert on public.cloud_rows for each row execute function operon.take_number();

-- Tells those who listen that the stream has grown, and brings them the newest row if it is small: a notification holds under
-- 8,000 bytes. Runs as the owner, because nobody else may send; says only what a member may read.
create function operon.poke(stream bigint) returns void
  language plpgsql security definer set search_path = ''
  as $$
  declare
    head record;
  begin
    select s.team_id, s.project_id, s.n, s.h, r.body into head from public.cloud_streams s
      join public.cloud_members m on m.team_id = s.team_id and m.user_id = auth.uid()
      left join public.cloud_rows r on r.stream_id = s.id and r.n = s.n and octet_length(r.body) <= 4096
      where s.id = stream;
    if found then
      perform realtime.send(
        jsonb_build_object('project', head.project_id, 'n', head.n, 'h', operon.base64(head.h))
          || case when head.body is null then '{}' else jsonb_build_object('row', operon.base64(head.body)) end,
        'poke', 'team:' || head.team_id, true
      );
    end if;
  end
  $$;

-- `encode` puts a newline after every 76 characters.
create function operon.base64(bytes bytea) returns text
  language sql immutable set search_path = ''
  as $$ select translate(encode(bytes, 'base64'), E'\n', '') $$;

-- As far as the caller may read them, newest last.
create function operon.key_records(team text) returns jsonb
  language sql stable set search_path = ''
  as $$
    select coalesce(jsonb_agg(jsonb_build_object('epoch', k.epoch, 'record', operon.base64(k.record)) order by k.epoch), '[]')
    from public.cloud_keys k where k.team_id = team
  $$;

revoke execute on function operon.u32, operon.take_number, operon.poke, operon.base64, operon.key_records
  from public, anon, authenticated;
grant execute on function operon.poke, operon.base64, operon.key_records to authenticated;
