-- SPDX-License-Identifier: Apache-2.0
-- Codes of a Code Management Platform, for PostgreSQL 12 and later. Run it as the role that shall own
-- the tables; again, it changes nothing, but gives its triggers back to a table that lost them:
--     psql -1 -v ON_ERROR_STOP=1 -f 001_codes.sql
-- Look-ups need `select` on both tables; imports `insert, update, delete` on cmp_codes and
-- `temporary` on the database.

create table if not exists cmp_schema (version integer not null);
insert into cmp_schema select 1 where not exists (select from cmp_schema);

create table if not exists cmp_codes (
    ici text collate "C" not null primary key check (octet_length(ici) between 1 and 256),
    content text,
    content_type text, -- uri, text, …; null: what the content shows
    ttl integer, -- seconds an answer may be kept; null: the server's default
    status text not null default 'active' check (status in ('active', 'revoked')),
    not_before timestamptz, -- null: always
    not_after timestamptz, -- null: for ever
    transferred_to text, -- host of the CMP that holds the content now
    variants json, -- [{"when": {"language": "fr"}, "content": "…"}, …]
    check ((content is null) <> (transferred_to is null))
);

-- Tells every server what has changed, so that none answers from memory: an ICI in each
-- notification, an empty one when too many have changed at once.
create or replace function cmp_codes_changed() returns trigger language plpgsql as $$
begin
    if tg_op = 'TRUNCATE' then
        perform pg_notify('cmp_codes', '');
    elsif (select count(*) from (select 1 from changed limit 65) c) > 64 then
        perform pg_notify('cmp_codes', '');
    else
        perform pg_notify('cmp_codes', ici) from changed;
        if tg_op = 'UPDATE' then -- an ICI itself may have been changed
            perform pg_notify('cmp_codes', ici) from before;
        end if;
    end if;
    return null;
end
$$;

drop trigger if exists cmp_codes_inserted on cmp_codes;
drop trigger if exists cmp_codes_updated on cmp_codes;
drop trigger if exists cmp_codes_deleted on cmp_codes;
drop trigger if exists cmp_codes_truncated on cmp_codes;
create trigger cmp_codes_inserted after insert on cmp_codes
    referencing new table as changed
    for each statement execute function cmp_codes_changed();
create trigger cmp_codes_updated after update on cmp_codes
    referencing old table as before new table as changed
    for each statement execute function cmp_codes_changed();
create trigger cmp_codes_deleted after delete on cmp_codes
    referencing old table as changed
    for each statement execute function cmp_codes_changed();
create trigger cmp_codes_truncated after truncate on cmp_codes
    for each statement execute function cmp_codes_changed();
