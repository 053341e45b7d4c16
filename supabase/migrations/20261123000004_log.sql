-- The team log: one function lists entries and keeps what is copied from them. It runs as the owner, because a policy can say
-- who may write a row, not that the row says what an entry does; so it asks itself who may (`my_device`, `may_append`,
-- `invite_admits`).
--
-- It reads what stands in an entry at fixed places. Signatures, the chain and half of the rules only devices can check: they
-- leave out what does not fit, whatever is done here. An entry is
--   version 1 · kind 1 · team 16 · number 4 · previous 32 · time 6 · author is 1 · author 16 · body from 77 · signature 64
-- and places in a body, counted from 0, are those of its kind (src/crypto/log/body.ts).

create function operon.u16(bytes bytea, at integer) returns integer
  language sql immutable set search_path = ''
  as $$ select get_byte(bytes, at) * 256 + get_byte(bytes, at + 1) $$;

create function operon.u48(bytes bytea, at integer) returns bigint
  language sql immutable set search_path = ''
  as $$ select ('x' || encode(substr(bytes, at + 1, 6), 'hex'))::bit(48)::bigint $$;

-- Milliseconds since 1970.
create function operon.time(bytes bytea, at integer) returns timestamptz
  language sql immutable set search_path = ''
  as $$ select to_timestamp(operon.u48(bytes, at) / 1000.0) $$;

create function operon.id(bytes bytea, at integer) returns bytea
  language sql immutable set search_path = ''
  as $$ select substr(bytes, at + 1, 16) $$;

-- A member's id is their account's: a UUID without dashes.
create function operon.account(bytes bytea, at integer) returns uuid
  language sql immutable set search_path = ''
  as $$ select encode(operon.id(bytes, at), 'hex')::uuid $$;

-- The first 16 bytes of a hash under a label: an id that nobody can choose.
create function operon.hash_id(label text, bytes bytea) returns bytea
  language sql immutable set search_path = ''
  as $$ select substr(sha256(convert_to('operon/1/' || label, 'UTF8') || '\x00' || bytes), 1, 16) $$;

-- A team is called by its first entry: 128 bits as 26 digits, the first two bits of the first one zero.
create function operon.team_of(entry bytea) returns text
  language sql immutable set search_path = ''
  as $$
    select 'team_' || string_agg(
        substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + substr(b.bits, 1 + 5 * i, 5)::bit(5)::integer, 1), '' order by i
      )
      from (select '00' || ('x' || encode(operon.hash_id('team', entry), 'hex'))::bit(128)::text as bits) b, generate_series(0, 25) i
  $$;

create function operon.body_of(entry bytea) returns bytea
  language sql immutable set search_path = ''
  as $$ select substr(entry, 78, octet_length(entry) - 77 - 64) $$;

-- Whether a body is as long as its kind and the lists in it say. What one looks into is there.
create function operon.is_whole(kind text, body bytea) returns boolean
  language sql immutable set search_path = ''
  as $$
    select octet_length(body) >= 2 and coalesce(case kind
      when 'create' then octet_length(body) = 535
      when 'invite' then octet_length(body) = 40
      when 'add-device' then octet_length(body) = 558
      when 'revoke-invite' then octet_length(body) = 16
      when 'role' then octet_length(body) = 17
      when 'project-access' then octet_length(body) = 17 or octet_length(body) >= 19 and octet_length(body) = 19 + 16 * operon.u16(body, 17)
      when 'remove-member' then octet_length(body) >= 18 and octet_length(body) = 18 + 54 * operon.u16(body, 16)
      when 'remove-device' then octet_length(body) >= 18 and octet_length(body) = 18 + 54 * operon.u16(body, 16)
      when 'rename-device' then octet_length(body) = 423
      when 'epoch' then octet_length(body) >= 42 and octet_length(body) = 42 + 16 * operon.u16(body, 40)
      when 'retire' then octet_length(body) >= 18
    end, false)
  $$;

-- The entry as a row of the log.
create function operon.read_entry(team text, place integer, entry bytea) returns public.cloud_log
  language plpgsql stable set search_path = ''
  as $$
  declare
    body bytea;
    e public.cloud_log;
  begin
    if (case when octet_length(entry) between 143 and 131072 then get_byte(entry, 0) end) is distinct from 1 then
      raise exception 'entry_unreadable';
    end if;
    body := operon.body_of(entry);
    e.kind := (array[
      'create', 'invite', 'add-device', 'revoke-invite', 'role', 'project-access', 'remove-member', 'remove-device', 'rename-device',
      'epoch', 'retire'
    ])[get_byte(entry, 1)];
    if not operon.is_whole(e.kind, body) or get_byte(entry, 60) <> 1 and (get_byte(entry, 60) <> 2 or e.kind <> 'add-device') then
      raise exception 'entry_unreadable';
    end if;
    if (case e.kind
      when 'create' then team is distinct from operon.team_of(entry)
      else operon.id(entry, 2) is distinct from substr(sha256(convert_to(team, 'UTF8')), 1, 16)
    end) then
      raise exception 'entry_misplaced';
    end if;
    if operon.time(entry, 54) not between now() - interval '1 day' and now() + interval '1 day' then
      raise exception 'clock_off';
    end if;
    e.team_id := team;
    e.place := place;
    e.entry := entry;
    e.hash := sha256(entry);
    e.about := case e.kind
      when 'create' then operon.hash_id('device', substr(body, 65, 64))
      when 'invite' then operon.hash_id('invite key', substr(body, 1, 32))
      when 'add-device' then operon.hash_id('device', substr(body, 17, 64))
      when 'epoch' then null
      when 'retire' then null
      else operon.id(body, 0)
    end;
    e.epoch := case e.kind when 'epoch' then operon.u32(body, 0) end;
    e.who := auth.uid();
    e.at := now();
    return e;
  end
  $$;

-- The invite that this proof opens to the caller.
create function operon.present(team text, proof bytea) returns public.cloud_invites
  language plpgsql volatile set search_path = ''
  as $$
  declare
    invite public.cloud_invites;
  begin
    perform set_config('operon.proof', encode(proof, 'hex'), true);
    select * into invite from public.cloud_invites i where i.team_id = team and i.proof_hash = operon.presented_hash();
    if not found or not operon.inviter_may_still(invite) then
      raise exception 'invite_unknown';
    end if;
    if operon.invite_is_mine(invite) is not true then
      raise exception 'invite_for_another_account';
    end if;
    if invite.expires_at <= now() then
      raise exception 'invite_expired';
    end if;
    return invite;
  end
  $$;

-- Does the caller lead the team at this device?
create function operon.may_lead(team text, author public.cloud_devices) returns boolean
  language sql stable set search_path = ''
  as $$ select coalesce(operon.my_role(team) in ('owner', 'admin') and author.kind = 'ordinary', false) $$;

-- May the caller do this with this device, by what the tables say? As the validators of devices see it.
create function operon.may_append(e public.cloud_log, author public.cloud_devices) returns boolean
  language plpgsql stable set search_path = ''
  as $$
  declare
    body bytea := operon.body_of(e.entry);
    role text := operon.my_role(e.team_id);
    leads boolean := operon.may_lead(e.team_id, author);
    about public.cloud_devices;
    target uuid;
    target_role text;
  begin
    -- A device with an end gives nobody rights and takes them only from itself; paper adds its member's next device.
    if not (case author.kind
      when 'ordinary' then true
      when 'ephemeral' then e.kind = 'epoch' or e.kind in ('remove-device', 'rename-device') and e.about = author.id
      when 'recovery' then e.kind = 'add-device' and get_byte(body, 80) = 1
    end) then
      return false;
    end if;
    if e.kind in ('remove-device', 'rename-device') then
      select * into about from public.cloud_devices d where d.team_id = e.team_id and d.id = e.about;
      target := about.user_id;
    elsif e.kind in ('role', 'remove-member') then
      target := operon.account(e.about, 0);
    end if;
    select m.role into target_role from public.cloud_members m where m.team_id = e.team_id and m.user_id = target;
    return case e.kind
      when 'invite' then operon.may_invite(role, (array['own', 'admin', 'member'])[get_byte(body, 32)])
      when 'add-device' then operon.account(body, 0) = author.user_id
      when 'revoke-invite' then exists (
        select from public.cloud_invites i where i.team_id = e.team_id and i.id = e.about and (leads or i.created_by = author.user_id)
      )
      when 'role' then role = 'owner' and target_role is not null
      when 'project-access' then leads
      when 'rename-device' then target = author.user_id
      when 'epoch' then leads or operon.rotation_due(e.team_id)
      when 'retire' then leads or get_byte(body, 1) = 1 or get_byte(body, 1) = 2 and operon.account(body, 2) = author.user_id
      when 'remove-member' then operon.may_remove(role, target = author.user_id, target_role)
      when 'remove-device' then operon.may_remove(role, target = author.user_id, target_role) or about.expires_at <= now()
    end is true;
  end
  $$;

-- `theirs`: the role of whom it is about, null for nobody of the team. An owner may remove those too: devices may have left out
-- the entry that removed them here, and need one that they take.
create function operon.may_remove(mine text, themselves boolean, theirs text) returns boolean
  language sql immutable set search_path = ''
  as $$ select mine = 'owner' or theirs is not null and (themselves or mine = 'admin' and theirs = 'member') $$;

-- Somebody was removed since who leads the team made an epoch: then all who remain may begin the next, and the next again, because
-- devices may have left out what another of them listed.
create function operon.rotation_due(team text) returns boolean
  language sql stable set search_path = ''
  as $$
    select exists (
      select from public.cloud_log l where l.team_id = team and l.kind in ('remove-member', 'remove-device')
        and l.place > all (select k.place from public.cloud_log k where k.team_id = team and k.kind = 'epoch' and k.leads)
    )
  $$;

-- Does an add-device entry fit the invite that wrote it? Others' first device stays; what lies on paper comes by no invite.
create function operon.invite_admits(invite public.cloud_invites, e public.cloud_log) returns boolean
  language sql stable set search_path = ''
  as $$
    select invite.id = operon.id(e.entry, 61) and operon.account(b.body, 0) = auth.uid() and case invite.admits
      when 'own' then get_byte(b.body, 80) in (1, 2)
      else get_byte(b.body, 80) = 1 and operon.my_role(e.team_id) is null
    end
    from (select operon.body_of(e.entry) as body) b
  $$;

-- Under the locks of all streams, so that what is pushed meanwhile waits and finds the rights ended: does each fence stand at a
-- place that was its stream's head, with nothing behind it of who is removed? Others may have gone on. A stream in which they
-- wrote has one, unless there are as many as an entry holds; where there is none, devices count nothing of them.
create function operon.fences_fit(e public.cloud_log) returns boolean
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

-- A removal that came too late: from now on, for a minute, whom it is about writes nothing, so that it comes through at the next
-- try. Without it, whoever writes fast enough could not be removed.
create function operon.hold(team text, entry bytea) returns void
  language plpgsql volatile set search_path = ''
  as $$
  declare
    e public.cloud_log := operon.read_entry(team, 0, entry);
    author public.cloud_devices := operon.my_device(team, operon.id(entry, 61));
  begin
    if author.id is null or not operon.may_append(e, author) then
      return;
    end if;
    update public.cloud_members m set held_until = now() + interval '1 minute'
      where e.kind = 'remove-member' and m.team_id = team and m.user_id = operon.account(e.about, 0) and m.user_id <> author.user_id;
    update public.cloud_devices d set held_until = now() + interval '1 minute'
      where e.kind = 'remove-device' and d.team_id = team and d.id = e.about and d.id <> author.id;
  end
  $$;

-- What an entry changes in the tables that are a copy of the log.
create function operon.apply_entry(e public.cloud_log, invite public.cloud_invites, beside jsonb) returns void
  language plpgsql volatile set search_path = ''
  as $$
  declare
    body bytea := operon.body_of(e.entry);
    keep jsonb := beside -> e.kind;
  begin
    case e.kind
      when 'create' then
        insert into public.cloud_members (team_id, user_id, role) values (e.team_id, operon.account(body, 48), 'owner');
        insert into public.cloud_devices (team_id, id, user_id, kind) values (e.team_id, e.about, operon.account(body, 48), 'ordinary');
        insert into public.cloud_streams (team_id) values (e.team_id);
      when 'invite' then
        insert into public.cloud_invites (team_id, id, proof_hash, email_hash, admits, bundle, created_by, expires_at) values (
          e.team_id, e.about, decode(keep ->> 'proof_hash', 'base64'), decode(keep ->> 'email_hash', 'base64'),
          (array['own', 'admin', 'member'])[get_byte(body, 32)], decode(keep ->> 'bundle', 'base64'), e.who,
          least(operon.time(body, 34), now() + interval '30 days')
        );
      when 'add-device' then
        if invite.admits <> 'own' then
          insert into public.cloud_members (team_id, user_id, role) values (e.team_id, e.who, invite.admits);
        end if;
        delete from public.cloud_invites i where i.team_id = e.team_id and i.id = invite.id;
        insert into public.cloud_devices (team_id, id, user_id, kind, expires_at) values (
          e.team_id, e.about, e.who, (array['ordinary', 'ephemeral', 'recovery'])[get_byte(body, 80)],
          case get_byte(body, 80) when 2 then operon.time(body, 81) end
        );
        insert into public.cloud_boxes (team_id, entry, device, box)
          select o.team_id, o.hash, e.about, decode(beside ->> 'box', 'base64') from operon.open_epochs(e.team_id) o where beside ? 'box'
          on conflict do nothing;
      when 'revoke-invite' then
        delete from public.cloud_invites i where i.team_id = e.team_id and i.id = e.about;
      when 'role' then
        update public.cloud_members m set role = (array['owner', 'admin', 'member'])[get_byte(body, 16)]
          where m.team_id = e.team_id and m.user_id = operon.account(e.about, 0);
      when 'project-access' then
        update public.cloud_projects p set seen_by = case get_byte(body, 16) when 1 then array(
            select operon.account(body, 19 + 16 * i) from generate_series(0, operon.u16(body, 17) - 1) i
          ) end
          where p.team_id = e.team_id and p.id = operon.account(e.about, 0);
      when 'remove-member' then
        -- Devices and the invites they made go with the member.
        delete from public.cloud_members m where m.team_id = e.team_id and m.user_id = operon.account(e.about, 0);
        update public.cloud_projects p set seen_by = array_remove(p.seen_by, operon.account(e.about, 0)) where p.team_id = e.team_id;
      when 'remove-device' then
        delete from public.cloud_devices d where d.team_id = e.team_id and d.id = e.about;
      when 'epoch' then
        insert into public.cloud_epochs (team_id, entry, record, key_record)
          values (e.team_id, e.hash, decode(keep ->> 'record', 'base64'), decode(keep ->> 'key_record', 'base64'));
        insert into public.cloud_boxes (team_id, entry, device, box)
          select e.team_id, e.hash, decode(b.key, 'hex'), decode(b.value, 'base64') from jsonb_each_text(keep -> 'boxes') b;
      else null;
    end case;
    -- What open invites bring is a secret that whoever was removed has, or that is no longer the team's.
    if e.kind in ('remove-member', 'remove-device', 'epoch') then
      delete from public.cloud_invites i where i.team_id = e.team_id;
    end if;
  end
  $$;

-- One entry, in the next place. `beside`: {entry, epoch?, invite?, proof?, box?}.
create function operon.append_one(team text, place integer, beside jsonb) returns void
  language plpgsql volatile set search_path = ''
  as $$
  declare
    e public.cloud_log := operon.read_entry(team, place, decode(beside ->> 'entry', 'base64'));
    body bytea := operon.body_of(e.entry);
    author public.cloud_devices;
    invite public.cloud_invites;
  begin
    if e.kind = 'create' then
      if operon.id(e.entry, 61) <> e.about or operon.account(body, 48) is distinct from e.who then
        raise insufficient_privilege;
      end if;
      insert into public.cloud_teams (id) values (team);
    elsif get_byte(e.entry, 60) = 2 then
      invite := operon.present(team, decode(beside ->> 'proof', 'base64'));
      if operon.invite_admits(invite, e) is not true then
        raise insufficient_privilege;
      end if;
    else
      author := operon.my_device(team, operon.id(e.entry, 61));
      if author.id is null or not operon.may_append(e, author) then
        raise insufficient_privilege;
      end if;
    end if;
    if e.kind = 'add-device' and exists (
      select from public.cloud_log l where l.team_id = team and l.kind in ('create', 'add-device') and l.about = e.about
    ) then
      raise exception 'device_taken';
    end if;
    if e.kind in ('remove-member', 'remove-device') and operon.fences_fit(e) is not true then
      raise exception 'fence_stale';
    end if;
    if e.kind = 'epoch' and not operon.epoch_is_whole(e, beside -> 'epoch') then
      raise exception 'epoch_incomplete';
    end if;

    -- A team begins with who leads it.
    e.leads := e.kind = 'create' or operon.may_lead(team, author);
    insert into public.cloud_log select e.*;
    perform operon.apply_entry(e, invite, beside);

    if e.kind in ('role', 'remove-member', 'remove-device') and not exists (
      select from public.cloud_members m join public.cloud_devices d using (team_id, user_id)
      where m.team_id = team and m.role = 'owner' and d.kind <> 'ephemeral'
    ) then
      raise exception 'owner_missing';
    end if;
  end
  $$;

-- Its number is the next, or one that was there: a bad one stops nobody. A record unless it is the first, and a box for exactly
-- the recipients that the entry names.
create function operon.epoch_is_whole(e public.cloud_log, keep jsonb) returns boolean
  language sql stable set search_path = ''
  as $$
    select e.epoch between 1 and coalesce((select max(l.epoch) from public.cloud_log l where l.team_id = e.team_id), 0) + 1
      and keep ->> 'key_record' is not null
      and (keep ->> 'record' is null) = (operon.u32(b.body, 4) = 0)
      and substr(b.body, 43) = (
        select coalesce(string_agg(decode(k.device, 'hex'), '' order by decode(k.device, 'hex')), '')
        from jsonb_object_keys(keep -> 'boxes') k (device)
      )
    from (select operon.body_of(e.entry) as body) b
  $$;

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

-- Under the lock of the team: all entries, or none and a word why (an error takes everything back, what was held too). Tells
-- those who listen: on the channels of the epochs that were open, and of those that are. Whoever was removed in between hears the
-- first, and nothing after it.
create function operon.append(team text, listed integer, entries jsonb) returns text
  language plpgsql volatile security definer set search_path = ''
  as $$
  declare
    before bigint[];
    after bigint[];
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
    before := array(select o.epoch from operon.open_epochs(team) o);
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
    after := array(select o.epoch from operon.open_epochs(team) o);
    if after = '{}' then
      raise exception 'epoch_incomplete';
    end if;
    perform realtime.send(jsonb_build_object('listed', place), 'log', operon.team_channel(team, c.epoch), true)
      from (select distinct unnest(before || after) as epoch) c;
    return null;
  end
  $$;

-- As far as the caller may read: how many are listed; those behind the first `after`, up to about `most` bytes.

create function operon.listed(team text) returns integer
  language sql stable set search_path = ''
  as $$ select coalesce(max(l.place) + 1, 0) from public.cloud_log l where l.team_id = team $$;

create function operon.entries(team text, after integer, most bigint) returns jsonb
  language sql stable set search_path = ''
  as $$
    select coalesce(jsonb_agg(operon.base64(p.entry) order by p.place), '[]') from (
      select l.place, l.entry, sum(octet_length(l.entry)) over (order by l.place) - octet_length(l.entry) as bytes_before
      from public.cloud_log l where l.team_id = team and l.place >= after
    ) p
    where most is null or p.bytes_before < most
  $$;

-- In the order of the list; `device`: whose boxes.
create function operon.epochs(team text, device bytea) returns jsonb
  language sql stable set search_path = ''
  as $$
    select coalesce(jsonb_agg(jsonb_build_object(
        'entry', operon.base64(e.entry), 'record', operon.base64(e.record), 'key_record', operon.base64(e.key_record),
        'box', operon.base64(b.box)
      ) order by l.place), '[]')
      from public.cloud_epochs e
      join public.cloud_log l on l.team_id = e.team_id and l.hash = e.entry
      left join public.cloud_boxes b on b.team_id = e.team_id and b.entry = e.entry and b.device = epochs.device
      where e.team_id = team
  $$;

revoke execute on function operon.u16, operon.u48, operon.time, operon.id, operon.account, operon.hash_id, operon.team_of, operon.body_of,
  operon.is_whole, operon.read_entry, operon.present, operon.may_lead, operon.may_append, operon.may_remove, operon.rotation_due, operon.invite_admits,
  operon.fences_fit, operon.hold, operon.apply_entry, operon.append_one, operon.epoch_is_whole, operon.records_moved, operon.append, operon.listed, operon.entries, operon.epochs
  from public, anon, authenticated;
grant execute on function operon.present, operon.append, operon.listed, operon.entries, operon.epochs to authenticated;
