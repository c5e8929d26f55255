-- SPDX-License-Identifier: Apache-2.0
-- Codes of a Code Management Platform, for SQLite. Run it in one transaction; again, it changes
-- nothing:
--     sqlite3 -bail codes.db '.read 001_codes.sql'
-- store_sql does that by itself when `create` says so.

create table if not exists cmp_schema (version integer not null) strict;
insert into cmp_schema select 1 where not exists (select 1 from cmp_schema);

create table if not exists cmp_codes (
    ici text not null primary key check (length(cast(ici as blob)) between 1 and 256),
    content text,
    content_type text, -- uri, text, …; null: what the content shows
    ttl integer, -- seconds an answer may be kept; null: the server's default
    status text not null default 'active' check (status in ('active', 'revoked')),
    not_before integer, -- Unix time in milliseconds; null: always
    not_after integer, -- likewise; null: for ever
    transferred_to text, -- host of the CMP that holds the content now
    variants text, -- JSON: [{"when": {"language": "fr"}, "content": "…"}, …]
    check ((content is null) <> (transferred_to is null))
) strict, without rowid;
