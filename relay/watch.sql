-- Run at every start, after the migrations.
-- A membership that ended or changed: the relay asks again who may hear which channel.

create or replace function auth.access_changed() returns trigger
  language plpgsql
  as $$
  begin
    perform pg_notify('access', '');
    return null;
  end
  $$;
create or replace trigger access_changed after delete or update on public.cloud_members
  for each statement execute function auth.access_changed();
