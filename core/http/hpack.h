/* SPDX-License-Identifier: Apache-2.0 */
/* Header blocks of HTTP/2, read in place of libh2o's own reader, which bounds nothing: a block may
 * make thousands of fields out of a few octets.
 *
 * libh2o calls `h2o_hpack_parse_headers` by name, and finds the one that this program exports. What
 * it leaves in the request is what libh2o's own would, but for fields of trailers: they are read,
 * and dropped; and for Content-Length of a body that is too long. libh2o resets the stream when it
 * is not what came, and such a body is made to end (meter.h): so libh2o does not hear of it, and
 * the field stays among the others, as the sign that the request is to be refused. */
#pragma once

#include "http/hpack_table.h"

/* What one header block may hold: more ends the connection. */
typedef struct hpack_limits {
    size_t fields;     /* dynamic table size updates count as one */
    size_t bytes;      /* of all names and values, decoded */
    size_t body_bytes; /* longer ones are too long for everything: see below */
} hpack_limits;

/* Builds the tables. Before any thread reads. */
void hpack_setup(void);

/* What this thread reads from now on goes by these. */
void hpack_set_limits(const hpack_limits *l);

/* Whether this thread has ended a connection for a block beyond the limits since it was last asked.
 */
bool hpack_exceeded(void);

/* From now on, or no longer, this thread reads no block at all but takes each as one beyond the
 * limits. */
void hpack_refuse(bool all);

/* Called by libh2o. Reads a block into `req`; a request that has a `pseudo` map, trailers none.
 * Returns 0; H2O_HTTP2_ERROR_INVALID_HEADER_CHAR when only characters are wrong (it is answered
 * with 400); or what the connection ends with. `error` then says why, where there is more to say.
 * `digests` is left alone: they are for server push. */
struct st_h2o_cache_digests_t;
int h2o_hpack_parse_headers(h2o_req_t *req, hpack_table *table, const uint8_t *src, size_t size,
                            int *pseudo, size_t *content_length,
                            struct st_h2o_cache_digests_t **digests, const char **error)
    __attribute__((visibility("default")));
