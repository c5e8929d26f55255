/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the heads of HTTP/1.1 answers (RFC 9112), strictly: what two readers could understand
 * differently is refused. */
#pragma once

#include "base/h1_lines.h"

typedef struct h1_head {
    int status;
    bool keep; /* the connection stays */
    bool chunked;
    bool has_length;
    uint64_t length;
    cmp_str content_type; /* in the octets that were read */
    cmp_str retry_after;
} h1_head;

/* Reads the head at the beginning of `in`. *scanned is where an earlier call on the same head
 * stopped; 0 at first. H1_DONE: *used octets are the head. */
h1_progress h1_read_head(cmp_str in, size_t *scanned, size_t *used, h1_head *head);
