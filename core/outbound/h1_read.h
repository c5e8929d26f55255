/* Reading HTTP/1.1 answers (RFC 9112), strictly: what two readers could understand differently is
 * refused. */
#pragma once

#include <cmp/base.h>

typedef enum h1_progress {
    H1_MORE, /* not all is there yet */
    H1_DONE,
    H1_BAD,
} h1_progress;

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

/* The state of a chunked body; begins zeroed. */
typedef struct h1_chunks {
    int state;
    unsigned digits, extra; /* of the size; octets of extensions and trailers so far */
    uint64_t left;
    bool line_empty;
} h1_chunks;

/* Reads on: at most one piece of the body (into *data, which may be empty) for *used octets. Call
 * again while octets are left and it answers H1_MORE. */
h1_progress h1_read_chunked(h1_chunks *c, cmp_str in, size_t *used, cmp_str *data);
