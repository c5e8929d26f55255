/* UUIDs (RFC 9562): our own transaction ids are version 7, and a peer's may have to be. */
#pragma once

#include <cmp/base.h>

#define UUID_TEXT_SIZE 36

/* Writes a fresh UUIDv7 for that time, in lower case; no NUL. */
void uuid_v7_make(int64_t now_ms, char text[UUID_TEXT_SIZE]);

/* Whether text is a UUID in its 36-octet form, of whatever version. */
bool uuid_valid(cmp_str text);

/* Whether text is a UUIDv7; its time in Unix milliseconds goes to *ms. */
bool uuid_v7_time(cmp_str text, int64_t *ms);
