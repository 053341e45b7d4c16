-- Who may do what. Policies ask the functions below, which run as the owner: a policy on cloud_members that read
-- cloud_members itself would never end. The schema is not exposed: no client calls these by name.
-- The owner must be a superuser or have BYPASSRLS (Supabase's `postgres` has), because RLS is forced on owners too.

create schema operon;
revoke all on schema operon from public;
grant usage on schema operon to authenticated;

create function operon.my_teams() returns setof text
  language sql stable security definer set search_path = ''
  as $$ select team_id from public.cloud_members where user_id = auth.uid() $$;

create function operon.my_role(team text) returns text
  language sql stable security definer set search_path = ''
  as $$ select role from public.cloud_members where team_id = team and user_id = auth.uid() $$;

-- Access to a project is decided here and in the policy of cloud_projects: every member of the team has it.
create function operon.my_streams() returns setof bigint
  language sql stable security definer set search_path = ''
  as $$
    select s.id from public.cloud_streams s
    join public.cloud_members m on m.team_id = s.team_id
    where m.user_id = auth.uid()
  $$;

create function operon.is_my_stream_channel(topic text) returns boolean
  language sql stable security definer set search_path = ''
  as $$
    select topic ~ '^stream:[^:]+:[^:]*:[0-9a-f]{32}$' and exists (
      select from public.cloud_streams s
      where s.id in (select operon.my_streams())
        and s.team_id = split_part(topic, ':', 2) and coalesce(s.project_id::text, '') = split_part(topic, ':', 3)
    )
  $$;

-- May the caller write this stream's rows as this device?
create function operon.my_device(stream bigint, device bytea) returns boolean
  language sql stable security definer set search_path = ''
  as $$
    select exists (
      select from public.cloud_streams s
      join public.cloud_members m on m.team_id = s.team_id and m.user_id = auth.uid()
      join public.cloud_devices d on d.team_id = s.team_id and d.user_id = m.user_id
      where s.id = stream and d.id = device
    )
  $$;

-- An invite is a capability: whoever presents its secret (in this transaction) holds it. Null when none is presented.
create function operon.presented_secret() returns bytea
  language sql stable set search_path = ''
  as $$ select decode(nullif(current_setting('operon.invite', true), ''), 'hex') $$;

create function operon.presented_hash() returns bytea
  language sql stable set search_path = ''
  as $$ select sha256(operon.presented_secret()) $$;

-- Was the presented invite made for the caller's account?
create function operon.invite_is_mine(invite public.cloud_invites) returns boolean
  language sql stable set search_path = ''
  as $$
    select case
      when invite.role is null then invite.created_by = auth.uid()
      else invite.email_hash = sha256(operon.presented_secret() || convert_to(auth.jwt() ->> 'email', 'UTF8'))
    end
  $$;

-- The team and role that the presented invite gives the caller now; nothing if it is spent, too old or somebody else's.
create function operon.admitted(out team text, out role text) returns record
  language sql stable security definer set search_path = ''
  as $$
    select i.team_id, i.role from public.cloud_invites i
    where i.secret_hash = operon.presented_hash() and i.role is not null
      and operon.invite_is_mine(i) and i.spent_by is null and i.expires_at > now()
  $$;

create function operon.may_invite(team text, invited text) returns boolean
  language sql stable set search_path = ''
  as $$
    select coalesce(case operon.my_role(team)
      when 'owner' then true
      when 'admin' then invited is null or invited = 'member'
      when 'member' then invited is null
    end, false)
  $$;

-- The creator of a team is its owner, and the team has a stream of its own.
create function operon.found_team() returns trigger
  language plpgsql security definer set search_path = ''
  as $$
  begin
    insert into public.cloud_members (team_id, user_id, role) values (new.id, new.created_by, 'owner');
    insert into public.cloud_streams (team_id) values (new.id);
    return null;
  end
  $$;
create trigger found_team after insert on public.cloud_teams for each row execute function operon.found_team();

create function operon.found_project() returns trigger
  language plpgsql security definer set search_path = ''
  as $$
  begin
    insert into public.cloud_streams (team_id, project_id) values (new.team_id, new.id);
    return null;
  end
  $$;
create trigger found_project after insert on public.cloud_projects for each row execute function operon.found_project();

-- Whoever becomes a member by an invite has used it up. Two at once: the second waits here, and finds it spent.
create function operon.spend_invite() returns trigger
  language plpgsql security definer set search_path = ''
  as $$
  begin
    if new.role <> 'owner' then
      update public.cloud_invites set spent_by = new.user_id
        where secret_hash = operon.presented_hash() and team_id = new.team_id and spent_by is null;
      if not found then
        raise exception 'invite_spent';
      end if;
    end if;
    return null;
  end
  $$;
create trigger spend_invite after insert on public.cloud_members for each row execute function operon.spend_invite();

revoke execute on all functions in schema operon from public, anon, authenticated;
grant execute on function operon.my_teams, operon.my_role, operon.my_streams, operon.is_my_stream_channel, operon.my_device, operon.presented_secret,
  operon.presented_hash, operon.invite_is_mine, operon.admitted, operon.may_invite to authenticated;

create policy teams_select on public.cloud_teams for select to authenticated
  using (id in (select operon.my_teams()));
create policy teams_insert on public.cloud_teams for insert to authenticated
  with check (created_by = (select auth.uid()));

create policy members_select on public.cloud_members for select to authenticated
  using (team_id in (select operon.my_teams()));
create policy members_insert on public.cloud_members for insert to authenticated
  with check (user_id = (select auth.uid()) and (team_id, role) in (select a.team, a.role from operon.admitted() a));

create policy devices_select on public.cloud_devices for select to authenticated
  using (team_id in (select operon.my_teams()));
create policy devices_insert on public.cloud_devices for insert to authenticated
  with check (user_id = (select auth.uid()) and team_id in (select operon.my_teams()));

-- Whom an invite admits may read how to unwrap the key before using the invite up.
create policy keys_select on public.cloud_keys for select to authenticated
  using (team_id in (select operon.my_teams()) or team_id in (select a.team from operon.admitted() a));
create policy keys_insert on public.cloud_keys for insert to authenticated
  with check (operon.my_role(team_id) = 'owner');

create policy projects_select on public.cloud_projects for select to authenticated
  using (team_id in (select operon.my_teams()));
create policy projects_insert on public.cloud_projects for insert to authenticated
  with check (created_by = (select auth.uid()) and team_id in (select operon.my_teams()));

create policy streams_select on public.cloud_streams for select to authenticated
  using (id in (select operon.my_streams()));

create policy rows_select on public.cloud_rows for select to authenticated
  using (stream_id in (select operon.my_streams()));
create policy rows_insert on public.cloud_rows for insert to authenticated
  with check (operon.my_device(stream_id, device));

create policy invites_select on public.cloud_invites for select to authenticated
  using (secret_hash = (select operon.presented_hash()));
create policy invites_insert on public.cloud_invites for insert to authenticated
  with check (created_by = (select auth.uid()) and operon.may_invite(team_id, role));

-- One private channel a team: members hear it, nobody but the database speaks on it.
create policy operon_team_channel on realtime.messages for select to authenticated
  using (extension = 'broadcast' and (select realtime.topic()) in (select 'team:' || t from operon.my_teams() t));

-- One a stream, "stream:<team>:<project or nothing>:<tag>", while somebody looks at it: who may read its rows hears and
-- speaks there. What is said is sealed and signed; the tag names the epoch, and only devices can tell whether it is the right one.
create policy operon_stream_hear on realtime.messages for select to authenticated
  using (extension = 'broadcast' and operon.is_my_stream_channel((select realtime.topic())));
create policy operon_stream_speak on realtime.messages for insert to authenticated
  with check (extension = 'broadcast' and operon.is_my_stream_channel((select realtime.topic())));
