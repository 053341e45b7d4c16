-- The one way in which a row gets its place: under the lock of its stream's row.

-- The authenticated header of a sealed row, version 1. Integers are big-endian. Null columns: not such a row.
create function operon.row_header(body bytea, out doc bytea, out device bytea, out replica bytea, out epoch integer, out seq bigint)
  returns record
  language plpgsql immutable set search_path = ''
  as $$
  begin
    if octet_length(body) < 100 or get_byte(body, 0) <> 1 then
      return;
    end if;
    doc := substr(body, 51, 16);
    device := substr(body, 67, 16);
    replica := substr(body, 83, 16);
    epoch := get_byte(body, 98);
    seq := get_byte(body, 99);
  end
  $$;

-- Counts, hashes and refuses. A row that is already there, or whose (document, replica, sequence) is taken, is left out
-- without a number being used: whoever inserts finds that nothing was returned.
create function operon.take_number() returns trigger
  language plpgsql security definer set search_path = ''
  as $$
  declare
    head record;
    header record := operon.row_header(new.body);
  begin
    if header.seq is null then
      raise exception 'row_unreadable';
    end if;
    new.hash := sha256(new.body);
    new.doc := header.doc;
    new.device := header.device;
    new.replica := header.replica;
    new.epoch := header.epoch;
    new.seq := header.seq;
    select s.team_id, s.n, s.h into head from public.cloud_streams s where s.id = new.stream_id for update;
    if exists (
      select from public.cloud_rows r
      where r.stream_id = new.stream_id and r.replica = new.replica and r.doc = new.doc and r.seq = new.seq
    ) then
      return null;
    end if;
    if new.epoch is distinct from (select max(k.epoch) from public.cloud_keys k where k.team_id = head.team_id) then
      raise exception 'stale_epoch';
    end if;
    new.n := head.n + 1;
    new.h := sha256(head.h || new.hash);
    update public.cloud_streams set n = new.n, h = new.h where id = new.stream_id;
    return new;
  end
  $$;
create trigger take_number before insert on public.cloud_rows for each row execute function operon.take_number();

-- Tells those who listen that the stream has grown. Runs as the owner, because nobody else may send; says only what a member may read.
create function operon.poke(stream bigint) returns void
  language plpgsql security definer set search_path = ''
  as $$
  declare
    head record;
  begin
    select s.team_id, s.project_id, s.n, s.h into head from public.cloud_streams s
      where s.id = stream and s.id in (select operon.my_streams());
    if found then
      perform realtime.send(
        jsonb_build_object('project', head.project_id, 'n', head.n, 'h', operon.base64(head.h)), 'poke', 'team:' || head.team_id, true
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

revoke execute on function operon.row_header, operon.take_number, operon.poke, operon.base64, operon.key_records
  from public, anon, authenticated;
grant execute on function operon.poke, operon.base64, operon.key_records to authenticated;
