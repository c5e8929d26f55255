/* SPDX-License-Identifier: Apache-2.0 */
/* What a store knows about one ICI: the code record. */
#pragma once

#include <cmp/message.h>

/* One condition of a variant's rule. `name` is language, cc, post, age, income, gender, time or the
 * name of a contextual parameter; `value` is what it has to be: equal (language, cc, gender without
 * regard to case; contextual octet by octet), a prefix (post), a number, range or bound (age,
 * income), or for time a daily window `08:00-12:30` (UTC) or an interval of two RFC 3339 instants
 * `2026-12-01T00:00:00Z/2026-12-24T00:00:00Z`. */
typedef cmp_pair cmp_condition;

/* Content for some requests only: it is chosen when all its conditions hold (Table 19: "to tailor
 * the response"). */
typedef struct cmp_variant {
    cmp_str content;
    cmp_str content_type; /* absent: the record's */
    const cmp_condition *conditions;
    size_t condition_count;
} cmp_variant;

typedef enum cmp_record_status {
    CMP_RECORD_ACTIVE,
    CMP_RECORD_REVOKED,
} cmp_record_status;

/* The bounds of a record, whoever it comes from: octets, numbers, and seconds. */
#define CMP_ICI_MAX          ((size_t)256)   /* visible ASCII */
#define CMP_CONTENT_MAX      ((size_t)65536) /* UTF-8 without NUL */
#define CMP_CONTENT_TYPE_MAX ((size_t)64)    /* visible ASCII */
#define CMP_VARIANTS_MAX     ((size_t)1024)
#define CMP_CONDITIONS_MAX   ((size_t)64) /* of one variant, and there is one at least */
#define CMP_TTL_MAX          31536000     /* one year */

#define CMP_TTL_UNSET        UINT32_MAX
#define CMP_TIME_MIN         INT64_MIN
#define CMP_TIME_MAX         INT64_MAX

/* A code record. All strings and arrays belong to the store that answers with it. They must stay
 * valid and unchanged until control is back in the loop of the worker that got the answer (that is,
 * until the lookup, or the cmp_store_complete call, has returned and its caller too); what the host
 * needs longer it copies. A plugin that blocks allocates them with cmp_host.txn_alloc instead.
 *
 * Either content or transferred_to is present, and not both. The host looks at it once: one that is
 * no record by what is said here counts as no answer of the plugin's. */
typedef struct cmp_record {
    cmp_str content;        /* what a direct code would have held; UTF-8 */
    cmp_str content_type;   /* "uri", "text", …; absent: uri for scheme://…, else text */
    cmp_str transferred_to; /* host of the CMP that holds the content now */
    int64_t not_before_ms;  /* Unix time; CMP_TIME_MIN: always */
    int64_t not_after_ms;   /* Unix time; CMP_TIME_MAX: for ever */
    uint32_t ttl_s;         /* how long an answer may be kept; CMP_TTL_UNSET: the host's default */
    cmp_record_status status;
    const cmp_variant *variants; /* in order; the first that matches wins */
    size_t variant_count;
} cmp_record;

/* A record that says nothing yet, and holds at any time. */
#define CMP_RECORD_INIT                                                                            \
    (CMP_VALUE(cmp_record){.not_before_ms = CMP_TIME_MIN,                                          \
                           .not_after_ms = CMP_TIME_MAX,                                           \
                           .ttl_s = CMP_TTL_UNSET})
