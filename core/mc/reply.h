/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the bodies of answers (SPEC 3 [profile]) without an intermediate tree.
 *
 * Each body has two calls: its exact size, and the writing of just that many octets. */
#pragma once

#include "base/error.h"
#include "mc/message.h"

typedef struct reply_resolved {
    cmp_str tid, ici;
    cmp_str content, content_type;
    cmp_str language; /* of the chosen variant; absent otherwise */
    uint32_t ttl_s;
} reply_resolved;

/* *plain says that no text needs an escape, as nearly always: what was looked at for its size is
 * then written without another look. */
size_t reply_resolved_size(const reply_resolved *r, bool *plain);
void reply_resolved_write(const reply_resolved *r, bool plain, char *to);

typedef struct reply_referral {
    cmp_str tid, ici;
    cmp_str prefix; /* absent: for this ICI alone */
    cmp_str addr;
    uint32_t ttl_s;
} reply_referral;

size_t reply_referral_size(const reply_referral *r);
void reply_referral_write(const reply_referral *r, char *to);

/* application/problem+json (RFC 9457): type, title, status, detail, and tid, code, parameter. The
 * type is urn:cmpd:error:<code word>. */
typedef struct reply_problem {
    error_code code;
    cmp_str detail;    /* absent: left out */
    cmp_str tid;       /* absent: left out; octets that are no UTF-8 are replaced by U+FFFD */
    cmp_str parameter; /* absent: left out; likewise */
} reply_problem;

size_t reply_problem_size(const reply_problem *r);
void reply_problem_write(const reply_problem *r, char *to);
