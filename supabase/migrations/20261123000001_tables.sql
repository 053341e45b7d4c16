-- What a cloud holds of teams: opaque ids, sealed bytes and the numbers that put rows in order. No names, no paths.
-- A role gets no privilege here that its functions do not need; which rows it sees is decided by the policies.

create table public.cloud_teams (
  id text primary key check (id ~ '^team_[0-9A-HJKMNP-TV-Z]{26}$'),
  created_at timestamptz not null default now()
);

-- `held_until`: somebody is being removed, and writes nothing meanwhile (see `operon.hold`). So for devices.
create table public.cloud_members (
  team_id text not null references public.cloud_teams (id) on delete cascade,
  user_id uuid not null references auth.users (id) on delete cascade,
  role text not null check (role in ('owner', 'admin', 'member')),
  held_until timestamptz,
  primary key (team_id, user_id)
);
create index on public.cloud_members (user_id);

-- A copy of what the team log says, for the policies: devices believe the log. `kind` recovery: on paper, writes no rows.
create table public.cloud_devices (
  team_id text not null,
  id bytea not null check (octet_length(id) = 16),
  user_id uuid not null,
  kind text not null check (kind in ('ordinary', 'ephemeral', 'recovery')),
  expires_at timestamptz check ((kind = 'ephemeral') = (expires_at is not null)),
  held_until timestamptz,
  primary key (team_id, id),
  foreign key (team_id, user_id) references public.cloud_members (team_id, user_id) on delete cascade
);
create index on public.cloud_devices (team_id, user_id);

-- The team log as it was listed. What stands behind `hash` is read from the entry: `about` is the id that it is about (a member's,
-- device's, invite's or project's), `epoch` the number that an epoch's entry gives. `leads`: who listed it led the team then, by these
-- tables.
create table public.cloud_log (
  team_id text not null references public.cloud_teams (id) on delete cascade,
  place integer not null,
  entry bytea not null check (octet_length(entry) <= 131072),
  hash bytea not null,
  kind text not null,
  about bytea,
  epoch bigint check ((kind = 'epoch') = (epoch is not null)),
  leads boolean not null,
  who uuid not null default auth.uid(),
  at timestamptz not null default now(),
  primary key (team_id, place),
  unique (team_id, hash)
);
create index on public.cloud_log (team_id, place) where kind = 'epoch';

-- Beside an epoch's entry, under its hash, so that what belongs to an entry that devices leave out is in nobody's way.
-- `record` holds the former epoch's key, null with the first; `key_record` is what the passphrase opens.
create table public.cloud_epochs (
  team_id text not null,
  entry bytea not null,
  record bytea check (octet_length(record) between 1 and 1024),
  key_record bytea not null check (octet_length(key_record) between 1 and 8192),
  primary key (team_id, entry),
  foreign key (team_id, entry) references public.cloud_log (team_id, hash) on delete cascade
);

-- The epoch's keys, sealed for one device.
create table public.cloud_boxes (
  team_id text not null,
  entry bytea not null,
  device bytea not null check (octet_length(device) = 16),
  box bytea not null check (octet_length(box) between 1 and 1024),
  primary key (team_id, entry, device),
  foreign key (team_id, entry) references public.cloud_epochs (team_id, entry) on delete cascade
);

-- `seen_by` null: everybody in the team.
create table public.cloud_projects (
  id uuid primary key default gen_random_uuid(),
  team_id text not null references public.cloud_teams (id) on delete cascade,
  seen_by uuid[],
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
alter table public.cloud_log alter column entry set storage external;

-- `id` is that of the sign key in the invite's entry. `admits` own: a further device of the account that made it, else a new member.
-- `proof_hash` = SHA-256(proof), `email_hash` = SHA-256(proof || e-mail in lower case). The bundle holds the team's secrets, sealed.
create table public.cloud_invites (
  team_id text not null,
  id bytea not null check (octet_length(id) = 16),
  proof_hash bytea not null unique check (octet_length(proof_hash) = 32),
  email_hash bytea check (octet_length(email_hash) = 32),
  admits text not null check (admits in ('own', 'admin', 'member')),
  bundle bytea not null check (octet_length(bundle) between 1 and 1024),
  created_by uuid not null,
  expires_at timestamptz not null,
  primary key (team_id, id),
  foreign key (team_id, created_by) references public.cloud_members (team_id, user_id) on delete cascade,
  check ((admits = 'own') = (email_hash is null))
);

do $$
declare
  name text;
begin
  foreach name in array array[
    'cloud_teams', 'cloud_members', 'cloud_devices', 'cloud_log', 'cloud_epochs', 'cloud_boxes', 'cloud_projects', 'cloud_streams',
    'cloud_rows', 'cloud_invites'
  ] loop
    execute format('alter table public.%I enable row level security', name);
    execute format('alter table public.%I force row level security', name);
    execute format('revoke all on table public.%I from public, anon, authenticated', name);
    execute format('grant select on table public.%I to authenticated', name);
  end loop;
end
$$;

-- The log, and what is a copy of it, has one writer: `operon.append`.
grant update (key_record) on public.cloud_epochs to authenticated;
grant insert (team_id, created_by) on public.cloud_projects to authenticated;
grant insert (stream_id, body) on public.cloud_rows to authenticated;
