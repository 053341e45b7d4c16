-- What clients call. Each runs as its caller, so the policies decide; bytes travel as base64 in JSON.
-- Errors are `raise exception '<word>'`: the word is for programs, the client has the sentence.

create function public.cloud_team_create(team text, record text) returns jsonb
  language plpgsql volatile security invoker set search_path = ''
  as $$
  begin
    insert into public.cloud_teams (id) values (team);
    insert into public.cloud_keys (team_id, epoch, record) values (team, 1, decode(cloud_team_create.record, 'base64'));
    return jsonb_build_object('team', team);
  end
  $$;

-- Again for the same device: nothing changes. A device is one account's: rows in its name are taken from no other.
create function public.cloud_device_add(team text, device text, card text) returns jsonb
  language plpgsql volatile security invoker set search_path = ''
  as $$
  begin
    insert into public.cloud_devices (team_id, id, card) values (team, decode(device, 'hex'), decode(cloud_device_add.card, 'base64'))
      on conflict (team_id, id) do nothing;
    if not found and not exists (
      select from public.cloud_devices d
      where d.team_id = team and d.id = decode(device, 'hex') and d.user_id = (select auth.uid())
    ) then
      raise exception 'device_taken';
    end if;
    return jsonb_build_object('device', device);
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

-- `role` null: an invite for the caller's own further devices.
create function public.cloud_invite_create(team text, secret_hash text, role text default null, email_hash text default null) returns jsonb
  language plpgsql volatile security invoker set search_path = ''
  as $$
  begin
    insert into public.cloud_invites (secret_hash, team_id, role, email_hash)
      values (
        decode(cloud_invite_create.secret_hash, 'hex'), team, cloud_invite_create.role, decode(cloud_invite_create.email_hash, 'hex')
      );
    return jsonb_build_object('team', team);
  end
  $$;

-- The key records, so that a passphrase can be tried before the invite is used up.
create function public.cloud_invite_open(secret text) returns jsonb
  language plpgsql volatile security invoker set search_path = ''
  as $$
  declare
    invite public.cloud_invites;
    member boolean;
  begin
    perform set_config('operon.invite', secret, true);
    select * into invite from public.cloud_invites where secret_hash = operon.presented_hash();
    if not found then
      raise exception 'invite_unknown';
    end if;
    if not operon.invite_is_mine(invite) then
      raise exception 'invite_for_another_account';
    end if;
    -- Members too: an invite for own devices would open the key record for ever.
    if invite.expires_at <= now() then
      raise exception 'invite_expired';
    end if;
    member := operon.my_role(invite.team_id) is not null;
    if not member then
      if invite.role is null then
        raise exception 'invite_unknown';
      end if;
      if invite.spent_by is not null then
        raise exception 'invite_spent';
      end if;
    end if;
    return jsonb_build_object(
      'team', invite.team_id,
      'role', invite.role,
      'member', member,
      'keys', operon.key_records(invite.team_id)
    );
  end
  $$;

-- Makes the caller a member and uses the invite up. A member already: nothing is used up.
create function public.cloud_team_join(secret text) returns jsonb
  language plpgsql volatile security invoker set search_path = ''
  as $$
  declare
    invite jsonb := public.cloud_invite_open(secret);
  begin
    if not (invite ->> 'member')::boolean then
      insert into public.cloud_members (team_id, user_id, role) values (invite ->> 'team', auth.uid(), invite ->> 'role');
    end if;
    return jsonb_build_object('team', invite ->> 'team', 'role', operon.my_role(invite ->> 'team'));
  end
  $$;

create function public.cloud_team_state(team text) returns jsonb
  language plpgsql stable security invoker set search_path = ''
  as $$
  begin
    if operon.my_role(team) is null then
      raise exception 'not_a_member';
    end if;
    return jsonb_build_object(
      'team', team,
      'role', operon.my_role(team),
      'members', (
        select coalesce(jsonb_agg(jsonb_build_object('user', m.user_id, 'role', m.role) order by m.joined_at, m.user_id), '[]')
        from public.cloud_members m where m.team_id = team
      ),
      'devices', (
        select coalesce(
          jsonb_agg(
            jsonb_build_object('device', encode(d.id, 'hex'), 'user', d.user_id, 'card', operon.base64(d.card)) order by d.added_at, d.id
          ), '[]')
        from public.cloud_devices d where d.team_id = team
      ),
      'keys', operon.key_records(team),
      'projects', (
        select coalesce(jsonb_agg(p.id order by p.created_at, p.id), '[]') from public.cloud_projects p where p.team_id = team
      )
    );
  end
  $$;

-- One answer a row, in order, up to the first conflict: {n, h} stored now, {n} known, {conflict}.
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
      where s.team_id = team and s.project_id is not distinct from project;
    if not found then
      raise exception 'not_a_member';
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
-- Stable: all it reads is of one moment.
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
      from public.cloud_streams s where s.team_id = team order by s.id
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
    return jsonb_build_object('heads', heads, 'rows', rows, 'more', more);
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
