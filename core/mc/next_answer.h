/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what the next hop answered, as carefully as any input (SPEC 5, "The answer"). */
#pragma once

#include "mc/reply.h"

typedef enum next_kind {
    NEXT_RESOLVED, /* `resolved` */
    NEXT_REFERRAL, /* `referral` */
    NEXT_PROBLEM,  /* `problem`: unknown_ici, gone or loop_detected, which go back as they are */
    NEXT_BUSY,     /* 429 or 503 */
    NEXT_BAD,      /* anything else; `detail` says what, for the log */
} next_kind;

typedef struct next_answer {
    next_kind kind;
    reply_resolved resolved; /* strings in the arena, or static */
    reply_referral referral; /* likewise */
    error_code problem;
    const char *detail; /* static */
} next_answer;

/* `content_type` is without parameters. `tid` and `ici` are those that were sent: an answer that is
 * for another request is bad. Without well-formed JSON of the right type a 404, 410 or 508 is bad,
 * too: it may come from something that is no CMP. */
void next_answer_read(int status, cmp_str content_type, cmp_str body, cmp_str tid, cmp_str ici,
                      kit_arena *a, next_answer *n);
