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

-- Access to a project is decided here and in the policy of cloud_projects: everybody of the team has it, or who is named.
create function operon.my_streams() returns setof bigint
  language sql stable security definer set search_path = ''
  as $$
    select s.id from public.cloud_streams s
    join public.cloud_members m on m.team_id = s.team_id
    left join public.cloud_projects p on p.id = s.project_id
    where m.user_id = auth.uid() and (p.seen_by is null or m.user_id = any (p.seen_by))
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

-- The device, if it is one of the caller's, its time is not over and nobody is removing it. Volatile, so that it sees what was
-- committed while the caller waited for a lock: a removal may have come first.
create function operon.my_device(team text, device bytea) returns public.cloud_devices
  language sql volatile security definer set search_path = ''
  as $$
    select d from public.cloud_devices d
    join public.cloud_members m on m.team_id = d.team_id and m.user_id = d.user_id
    where d.team_id = team and d.id = device and d.user_id = auth.uid()
      and (d.expires_at is null or d.expires_at > now())
      and (d.held_until is null or d.held_until <= now())
      and (m.held_until is null or m.held_until <= now())
  $$;

-- May the caller write this stream's rows as this device? What lies on paper writes none. Volatile for the same reason.
create function operon.may_write(stream bigint, device bytea) returns boolean
  language sql volatile security definer set search_path = ''
  as $$
    select exists (
      select from public.cloud_streams s
      left join public.cloud_projects p on p.id = s.project_id
      cross join operon.my_device(s.team_id, device) d
      where s.id = stream
        and d.kind <> 'recovery'
        and (p.seen_by is null or d.user_id = any (p.seen_by))
    )
  $$;

-- An invite is a capability: whoever presents its proof (in this transaction) holds it. Null when none is presented.
create function operon.presented_proof() returns bytea
  language sql stable set search_path = ''
  as $$ select decode(nullif(current_setting('operon.proof', true), ''), 'hex') $$;

create function operon.presented_hash() returns bytea
  language sql stable set search_path = ''
  as $$ select sha256(operon.presented_proof()) $$;

-- Was the presented invite made for the caller's account?
create function operon.invite_is_mine(invite public.cloud_invites) returns boolean
  language sql stable set search_path = ''
  as $$
    select case
      when invite.admits = 'own' then invite.created_by = auth.uid()
      else invite.email_hash = sha256(operon.presented_proof() || convert_to(auth.jwt() ->> 'email', 'UTF8'))
    end
  $$;

-- Whether this role may make, or still stand behind, such an invite.
create function operon.may_invite(role text, admits text) returns boolean
  language sql immutable set search_path = ''
  as $$
    select coalesce(case role
      when 'owner' then true
      when 'admin' then admits <> 'admin'
      when 'member' then admits = 'own'
    end, false)
  $$;

create function operon.inviter_may_still(invite public.cloud_invites) returns boolean
  language sql stable security definer set search_path = ''
  as $$
    select operon.may_invite(
      (select m.role from public.cloud_members m where m.team_id = invite.team_id and m.user_id = invite.created_by), invite.admits
    )
  $$;

-- The team that the presented invite opens to the caller now; nothing if it is too old or somebody else's.
create function operon.admitted() returns setof text
  language sql stable security definer set search_path = ''
  as $$
    select i.team_id from public.cloud_invites i
    where i.proof_hash = operon.presented_hash() and i.expires_at > now()
      and operon.invite_is_mine(i) and operon.inviter_may_still(i)
  $$;

-- Under the lock of the team, so that two at once do not both count the other's as not there yet: nobody makes more of them than people
-- have projects.
create function operon.found_project() returns trigger
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
create trigger found_project after insert on public.cloud_projects for each row execute function operon.found_project();

revoke execute on all functions in schema operon from public, anon, authenticated;
grant execute on function operon.my_teams, operon.my_role, operon.my_streams, operon.is_my_stream_channel,
  operon.my_device, operon.may_write, operon.presented_proof, operon.presented_hash, operon.invite_is_mine, operon.may_invite,
  operon.inviter_may_still, operon.admitted to authenticated;

create policy teams_select on public.cloud_teams for select to authenticated
  using (id in (select operon.my_teams()));

create policy members_select on public.cloud_members for select to authenticated
  using (team_id in (select operon.my_teams()));

create policy devices_select on public.cloud_devices for select to authenticated
  using (team_id in (select operon.my_teams()));

-- Whom an invite admits reads the log, and how to unwrap the keys, before using the invite up.
create policy log_select on public.cloud_log for select to authenticated
  using (team_id in (select operon.my_teams()) or team_id in (select operon.admitted()));

create policy epochs_select on public.cloud_epochs for select to authenticated
  using (team_id in (select operon.my_teams()) or team_id in (select operon.admitted()));
create policy epochs_update on public.cloud_epochs for update to authenticated
  using (operon.my_role(team_id) in ('owner', 'admin'));

create policy boxes_select on public.cloud_boxes for select to authenticated
  using ((team_id, device) in (select d.team_id, d.id from public.cloud_devices d where d.user_id = (select auth.uid())));

create policy projects_select on public.cloud_projects for select to authenticated
  using (team_id in (select operon.my_teams()) and (seen_by is null or (select auth.uid()) = any (seen_by)));
create policy projects_insert on public.cloud_projects for insert to authenticated
  with check (created_by = (select auth.uid()) and team_id in (select operon.my_teams()));

-- Heads are for all of the team, also of projects that only some may see: whoever removes somebody names them.
create policy streams_select on public.cloud_streams for select to authenticated
  using (team_id in (select operon.my_teams()));

create policy rows_select on public.cloud_rows for select to authenticated
  using (stream_id in (select operon.my_streams()));
create policy rows_insert on public.cloud_rows for insert to authenticated
  with check (operon.may_write(stream_id, device));

create policy invites_select on public.cloud_invites for select to authenticated
  using (proof_hash = (select operon.presented_hash()));

-- One private channel a team and epoch, "team:<team>:<number>": members hear it, nobody but the database speaks on it.
create policy operon_team_channel on realtime.messages for select to authenticated
  using (
    extension = 'broadcast' and (select realtime.topic()) ~ '^team:[^:]+:[0-9]+$'
    and split_part((select realtime.topic()), ':', 2) in (select operon.my_teams())
  );

-- One a stream, "stream:<team>:<project or nothing>:<tag>", while somebody looks at it: who may read its rows hears and
-- speaks there. What is said is sealed and signed; the tag names the epoch, and only devices can tell whether it is the right one.
create policy operon_stream_hear on realtime.messages for select to authenticated
  using (extension = 'broadcast' and operon.is_my_stream_channel((select realtime.topic())));
create policy operon_stream_speak on realtime.messages for insert to authenticated
  with check (extension = 'broadcast' and operon.is_my_stream_channel((select realtime.topic())));
