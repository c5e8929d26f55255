/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of HPACK (RFC 7541, 2.3): the static one, and libh2o's dynamic one of a connection.
 *
 * libh2o makes and disposes of the dynamic table, so its layout is that of 2.2.5's
 * h2o/http2_internal.h. (That header needs another one which is not installed.) */
#pragma once

#include <cmp/base.h>
#include <h2o.h>

#if H2O_LIBRARY_VERSION_MAJOR != 0 || H2O_LIBRARY_VERSION_MINOR != 13
#error "the header tables are those of libh2o 0.13 (h2o 2.2)"
#endif

/* Name and value are chunks with a count, of which the table holds one each; a name may be a token
 * instead. */
struct st_h2o_hpack_header_table_entry_t {
    h2o_iovec_t *name, *value;
    const char *err_desc; /* what is wrong with their characters; NULL: nothing */
};

/* A ring; `hpack_size` and the capacities count as RFC 7541, 4.1 does. */
struct st_h2o_hpack_header_table_t {
    struct st_h2o_hpack_header_table_entry_t *entries;
    size_t num_entries, entry_capacity, entry_start_index;
    size_t hpack_size, hpack_capacity, hpack_max_capacity;
};

typedef struct st_h2o_hpack_header_table_t hpack_table;
typedef struct st_h2o_hpack_header_table_entry_t hpack_entry;

#define HPACK_STATIC_ENTRIES 61

/* A name and value of the static table; `index` counts from 1. */
typedef struct hpack_static_entry {
    const h2o_token_t *name;
    h2o_iovec_t value;
} hpack_static_entry;

const hpack_static_entry *hpack_static(size_t index);

/* The entry that came `age` entries before the last one; NULL: there is none. */
const hpack_entry *hpack_table_get(const hpack_table *t, size_t age);

/* Adds an entry, takes counts of its own, and evicts as many as it must; an entry that is larger
 * than the whole table only empties it (4.4). */
void hpack_table_add(hpack_table *t, const hpack_entry *added);

/* A dynamic table size update (6.3). False: more than was offered. */
bool hpack_table_resize(hpack_table *t, size_t capacity);
