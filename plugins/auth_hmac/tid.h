/* The forms that a key can demand of its peer's transaction ids (SPEC 4: `tid_format`, `max_skew`).
 */
#pragma once

#include <cmp/base.h>
#include <cmp/key.h>

/* What a tid is, seen as text. */
typedef struct tid_shape {
    bool uuid;       /* RFC 9562, in its 36-octet form */
    bool version_7;  /* and of version 7 */
    int64_t time_ms; /* of version 7: Unix time */
} tid_shape;

tid_shape tid_read(cmp_str tid);

/* What is wrong with a tid for that key at that time, as static text, or NULL. */
const char *tid_fault(const tid_shape *shape, const cmp_key *key, int64_t now_ms);
