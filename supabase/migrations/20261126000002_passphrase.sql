-- A key that is made while the passphrase is changed is not wrapped in the old one: who makes an epoch says beside it which key
-- record it was wrapped as, and where that is another by now the append comes too late.

-- `as_of`, beside an epoch: {entry, key_record}, of the epoch's entry and of the record beside it the SHA-256.
create function operon.records_moved(team text, entries jsonb) returns boolean
  language sql volatile set search_path = ''
  as $$
    select exists (
      select from jsonb_array_elements(entries) i
      join public.cloud_epochs e on e.team_id = team and e.entry = decode(i -> 'epoch' -> 'as_of' ->> 'entry', 'base64')
      where sha256(e.key_record) <> decode(i -> 'epoch' -> 'as_of' ->> 'key_record', 'base64')
    )
  $$;

create or replace function operon.append(team text, listed integer, entries jsonb) returns text
  language plpgsql volatile security definer set search_path = ''
  as $$
  declare
    before bigint;
    after bigint;
    place integer;
    beside jsonb;
    late text;
  begin
    perform from public.cloud_teams t where t.id = team for update;
    if found and operon.my_role(team) is null then
      if entries -> 0 ->> 'proof' is null then
        raise exception 'not_a_member';
      end if;
      perform operon.present(team, decode(entries -> 0 ->> 'proof', 'base64'));
    end if;
    before := operon.current_epoch(team);
    place := operon.listed(team);
    if place <> listed or operon.records_moved(team, entries) then
      late := 'log_moved';
    else
      begin
        for beside in select i.value from jsonb_array_elements(entries) with ordinality i order by i.ordinality loop
          perform operon.append_one(team, place, beside);
          place := place + 1;
        end loop;
      exception when raise_exception then
        if sqlerrm <> 'fence_stale' then
          raise;
        end if;
        late := sqlerrm;
      end;
    end if;
    if late is not null then
      perform operon.hold(team, i.entry) from (select decode(i ->> 'entry', 'base64') as entry from jsonb_array_elements(entries) i) i
        where substr(i.entry, 2, 1) in ('\x07', '\x08');
      return late;
    end if;
    after := operon.current_epoch(team);
    if after is null then
      raise exception 'epoch_incomplete';
    end if;
    perform realtime.send(jsonb_build_object('listed', place), 'log', operon.team_channel(team, c.epoch), true)
      from (select before as epoch where before <> after union all select after) c;
    return null;
  end
  $$;

revoke execute on function operon.records_moved from public, anon, authenticated;
