/* SPDX-License-Identifier: Apache-2.0 */
/* The forms that a key can demand of its peer's transaction ids (cmp_key.tid_format, max_skew_ms).
 * A form of its own ends the ambiguity of where the tid ends and the ici begins in the signed
 * octets, and the time in a UUIDv7 bounds how old a request can be.
 *
 * Any thread; nothing allocates or keeps what it is given. */
#pragma once

#include <cmp/base.h>
#include <cmp/key.h>

__BEGIN_DECLS

/* What a tid is, seen as text. */
typedef struct kit_tid {
    bool uuid;       /* RFC 9562, in its 36-octet form */
    bool version_7;  /* and of version 7 */
    int64_t time_ms; /* of version 7: Unix time; else 0 */
} kit_tid;

/* Reads any text, an absent one too. */
kit_tid kit_tid_read(cmp_str tid);

/* What is wrong with a tid for that key at that Unix time, as static text for the operator's log;
 * NULL: nothing. */
const char *kit_tid_fault(const kit_tid *tid, const cmp_key *key, int64_t now_ms);

__END_DECLS
