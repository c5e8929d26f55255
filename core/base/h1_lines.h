/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of an HTTP/1 head (RFC 9112), of a request as of an answer. Strict: a head that two
 * readers could take apart in two ways is refused, not repaired. */
#pragma once

#include <cmp/base.h>

typedef enum h1_progress {
    H1_MORE, /* not all is there yet */
    H1_DONE,
    H1_BAD,
} h1_progress;

/* Where the head ends that `in` begins with: behind its first empty line, which is found even when
 * lines end wrongly, so that such a head is refused at once. False: not there yet. *scanned is
 * where an earlier call on the same head stopped; 0 at first. */
bool h1_head_end(cmp_str in, size_t *scanned, size_t *end);

/* Takes a line off *in, without its CR LF. False when it ends in anything else, or holds a control
 * character other than the tab. */
CMP_MUST_USE bool h1_line_take(cmp_str *in, cmp_str *line);

/* Takes a field's line apart: a token, a colon, and the value, trimmed. NULL when that is done,
 * else what is wrong with it, as a static sentence without a full stop. */
CMP_MUST_USE const char *h1_field_split(cmp_str line, cmp_str *name, cmp_str *value);
