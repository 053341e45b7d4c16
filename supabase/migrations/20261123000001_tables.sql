-- What a cloud holds of teams: opaque ids, sealed bytes and the numbers that put rows in order. No names, no paths.
-- A role gets no privilege here that its functions do not need; which rows it sees is decided by the policies.

create table public.cloud_teams (
  id text primary key check (id ~ '^team_[0-9A-HJKMNP-TV-Z]{26}$'),
  created_by uuid not null default auth.uid(),
  created_at timestamptz not null default now()
);

create table public.cloud_members (
  team_id text not null references public.cloud_teams (id) on delete cascade,
  user_id uuid not null references auth.users (id) on delete cascade,
  role text not null check (role in ('owner', 'admin', 'member')),
  joined_at timestamptz not null default now(),
  primary key (team_id, user_id)
);
create index on public.cloud_members (user_id);

-- `card` holds the device's public keys and name, sealed with the team's key.
create table public.cloud_devices (
  team_id text not null references public.cloud_teams (id) on delete cascade,
  id bytea not null check (octet_length(id) = 16),
  user_id uuid not null default auth.uid() references auth.users (id) on delete cascade,
  card bytea not null check (octet_length(card) between 1 and 4096),
  added_at timestamptz not null default now(),
  primary key (team_id, id)
);
create index on public.cloud_devices (user_id);

-- `record` says how the key-encryption key is derived, and holds the epoch's key wrapped with it.
create table public.cloud_keys (
  team_id text not null references public.cloud_teams (id) on delete cascade,
  epoch integer not null check (epoch > 0),
  record bytea not null check (octet_length(record) between 1 and 8192),
  added_at timestamptz not null default now(),
  primary key (team_id, epoch)
);

create table public.cloud_projects (
  id uuid primary key default gen_random_uuid(),
  team_id text not null references public.cloud_teams (id) on delete cascade,
  created_by uuid not null default auth.uid(),
  created_at timestamptz not null default now(),
  unique (team_id, id)
);

-- `n` counts the rows; `h` runs over their hashes: h(n) = SHA-256(h(n-1) || hash of row n), h(0) = 32 zero bytes.
create table public.cloud_streams (
  id bigint generated always as identity primary key,
  team_id text not null references public.cloud_teams (id) on delete cascade,
  project_id uuid,
  n bigint not null default 0,
  h bytea not null default decode(repeat('00', 32), 'hex'),
  unique nulls not distinct (team_id, project_id),
  foreign key (team_id, project_id) references public.cloud_projects (team_id, id) on delete cascade
);

-- Only `stream_id` and `body` are given by a client: `take_number` reads the others from the body or counts them.
create table public.cloud_rows (
  stream_id bigint not null references public.cloud_streams (id) on delete cascade,
  n bigint not null,
  hash bytea not null,
  h bytea not null,
  doc bytea not null,
  device bytea not null,
  replica bytea not null,
  epoch bigint not null,
  seq bigint not null,
  body bytea not null check (octet_length(body) <= 262144),
  primary key (stream_id, n),
  unique (stream_id, hash),
  unique (stream_id, device, replica, doc, seq)
);
-- Ciphertext does not compress.
alter table public.cloud_rows alter column body set storage external;

-- `role` null: for further devices of the account that made it. `email_hash` = SHA-256(secret || e-mail in lower case).
create table public.cloud_invites (
  secret_hash bytea primary key check (octet_length(secret_hash) = 32),
  team_id text not null references public.cloud_teams (id) on delete cascade,
  created_by uuid not null default auth.uid(),
  role text check (role in ('admin', 'member')),
  email_hash bytea check (octet_length(email_hash) = 32),
  expires_at timestamptz not null default now() + interval '7 days',
  spent_by uuid,
  check ((role is null) = (email_hash is null))
);
create index on public.cloud_invites (team_id);

do $$
declare
  name text;
begin
  foreach name in array array[
    'cloud_teams', 'cloud_members', 'cloud_devices', 'cloud_keys', 'cloud_projects', 'cloud_streams', 'cloud_rows', 'cloud_invites'
  ] loop
    execute format('alter table public.%I enable row level security', name);
    execute format('alter table public.%I force row level security', name);
    execute format('revoke all on table public.%I from public, anon, authenticated', name);
    execute format('grant select on table public.%I to authenticated', name);
  end loop;
end
$$;

grant insert (id, created_by) on public.cloud_teams to authenticated;
grant insert (team_id, user_id, role) on public.cloud_members to authenticated;
grant insert (team_id, id, user_id, card) on public.cloud_devices to authenticated;
grant insert (team_id, epoch, record) on public.cloud_keys to authenticated;
grant insert (team_id, created_by) on public.cloud_projects to authenticated;
grant insert (stream_id, body) on public.cloud_rows to authenticated;
grant insert (secret_hash, team_id, created_by, role, email_hash) on public.cloud_invites to authenticated;
