-- What Supabase has before our migrations run, as far as they and supabase-js need it.

do $$
begin
  if not exists (select from pg_catalog.pg_roles where rolname = 'anon') then
    create role anon nologin;
  end if;
  if not exists (select from pg_catalog.pg_roles where rolname = 'authenticated') then
    create role authenticated nologin;
  end if;
end
$$;

create schema auth;
create schema realtime;
grant usage on schema public, auth, realtime to anon, authenticated;

-- Accounts. No role but the owner reads these tables.

create table auth.users (
  id uuid primary key default gen_random_uuid(),
  email text not null unique,
  encrypted_password text not null,
  created_at timestamptz not null default now(),
  last_sign_in_at timestamptz not null default now()
);

create table auth.sessions (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  created_at timestamptz not null default now()
);
create index on auth.sessions (user_id);

-- `hash` is SHA-256 of the token, `parent` of the one it was given for. A used token stays for a while, so that using it twice is noticed.
create table auth.refresh_tokens (
  hash bytea primary key,
  session_id uuid not null references auth.sessions (id) on delete cascade,
  parent bytea,
  used_at timestamptz
);
create index on auth.refresh_tokens (session_id);
create index on auth.refresh_tokens (parent);

create table auth.signing_key (
  one boolean primary key default true check (one),
  secret bytea not null,
  -- Seconds since the epoch.
  issued_at integer not null default extract(epoch from now())
);

create function auth.jwt() returns jsonb
  language sql stable
  as $$ select nullif(current_setting('request.jwt.claims', true), '')::jsonb $$;

create function auth.uid() returns uuid
  language sql stable
  as $$ select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid $$;

create function auth.role() returns text
  language sql stable
  as $$ select nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role' $$;

-- A channel may be joined by whoever may select a message of its topic. The table itself stays empty: messages go
-- out as notifications and are kept nowhere.

create table realtime.messages (
  id uuid not null default gen_random_uuid(),
  topic text not null,
  extension text not null,
  payload jsonb,
  event text,
  private boolean default false,
  inserted_at timestamp not null default now()
);
alter table realtime.messages enable row level security;
grant select, insert, update on realtime.messages to anon, authenticated;

create function realtime.topic() returns text
  language sql stable
  as $$ select nullif(current_setting('realtime.topic', true), '') $$;

-- A notification holds under 8,000 bytes. A longer message is dropped: the tables are the truth, the channel only makes it fast.
create function realtime.send(payload jsonb, event text, topic text, private boolean default true) returns void
  language plpgsql
  as $$
  declare
    message text := jsonb_build_object('topic', topic, 'event', event, 'payload', payload, 'private', private)::text;
  begin
    if octet_length(message) < 8000 then
      perform pg_notify('realtime', message);
    end if;
  end
  $$;
revoke execute on function realtime.send from public;
