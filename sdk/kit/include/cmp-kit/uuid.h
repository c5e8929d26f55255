/* SPDX-License-Identifier: Apache-2.0 */
/* UUIDs (RFC 9562): transaction ids of our own are version 7, and a peer's may have to be.
 *
 * Any thread. */
#pragma once

#include <cmp/base.h>

__BEGIN_DECLS

/* Octets of the text form, which has no NUL here. */
#define KIT_UUID_TEXT_SIZE 36

/* Writes a fresh UUIDv7 for that Unix time, in lower case. Its random part comes from the kernel
 * (getrandom), for many UUIDs at once: a process must not fork between two UUIDs of one thread.
 * Aborts when the system has no random numbers. */
void kit_uuid_v7_make(int64_t now_ms, char text[KIT_UUID_TEXT_SIZE]);

/* Reads a UUID of whatever version in its 36-octet form, in either case. False when it is none;
 * `octets` is then whatever it was. */
CMP_MUST_USE bool kit_uuid_parse(cmp_str text, uint8_t octets[16]);

/* Whether `octets`, as kit_uuid_parse read them, are a UUIDv7; *ms is then its Unix time. */
CMP_MUST_USE bool kit_uuid_v7_time(const uint8_t octets[16], int64_t *ms);

__END_DECLS
