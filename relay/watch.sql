-- Run at every start, after the migrations.

-- One statement as a role and under claims, in one question: the relay's calls cost little beside what they ask. A token is good
-- for an hour, its session may be over before.
create or replace function auth.run_as(role text, claims text, statement text, body text) returns text
  language plpgsql
  as $$
  declare
    result text;
  begin
    if not exists (select from auth.sessions s where s.id = (claims::jsonb ->> 'session_id')::uuid) then
      raise invalid_authorization_specification using message = 'session_ended';
    end if;
    perform set_config('role', role, true), set_config('request.jwt.claims', claims, true);
    execute statement into result using body;
    return result;
  end
  $$;
revoke execute on function auth.run_as from public;

-- A membership or the access to a project that ended or changed: the relay asks again who may hear the channels of that team.

create or replace function auth.access_changed() returns trigger
  language plpgsql
  as $$
  begin
    perform pg_notify('access', old.team_id);
    return null;
  end
  $$;
create or replace trigger access_ended after delete on public.cloud_members
  for each row execute function auth.access_changed();
create or replace trigger access_changed after update on public.cloud_members
  for each row when (old is distinct from new) execute function auth.access_changed();
create or replace trigger access_changed after update on public.cloud_projects
  for each row when (old.seen_by is distinct from new.seen_by) execute function auth.access_changed();
