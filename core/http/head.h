/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the head of an HTTP/1 request (RFC 9112), and says what is wrong with one of either
 * protocol. A request that two parsers could read in two ways is refused, not repaired (11.2). */
#pragma once

#include "base/h1_lines.h"

#include <cmp/message.h>

typedef struct head {
    cmp_str method, target;
    bool http_1_0;
    cmp_pair *fields; /* the caller's, with room for field_max */
    size_t field_max;
    size_t field_count;
    size_t size;       /* octets of the whole head, with an empty line in front of it */
    const char *fault; /* of a bad one: one sentence without a full stop; static */
} head;

/* Reads the head at the beginning of `in`; an earlier call has seen its first `seen` octets. Of
 * the fields are left out: `Expect`, where HTTP/1.0 gives it no meaning (RFC 9110, 10.1.1), and
 * `Connection`, of which one comes last that says `close` or `keep-alive` where that is not what
 * the version says by itself. Everything points into `in`. */
h1_progress head_read(cmp_str in, size_t seen, head *h);

/* The fault of a head with more fields than there is room for. */
extern const char head_too_many_fields[];

/* What is wrong with a target; NULL: nothing. In absolute form (3.2.2) it is good on HTTP/1 only.
 */
const char *head_target_fault(cmp_str method, cmp_str target, bool may_be_absolute);

/* A target without the scheme and authority of its absolute form: whom it names is Host's
 * business. `/` when nothing is left. */
cmp_str head_target_path(cmp_str target);
