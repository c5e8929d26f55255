/* The request that `cmpctl resolve` sends, in each of its carriages (SPEC 2 [profile]). */
#pragma once

#include "base/arena.h"

#include <cmp/message.h>

enum { QUERY_PAIRS_MAX = 96 };

typedef struct query {
    arena memory;
    cmp_pair pairs[QUERY_PAIRS_MAX];
    size_t count;
} query;

void query_init(query *q);
void query_dispose(query *q);

/* Adds a parameter; absent values are left out. Octets are borrowed. */
void query_add(query *q, const char *name, cmp_str value);

/* name=value&…, url-encoded. Lives in the query's memory. */
const char *query_form(query *q);

/* One JSON object of strings. NULL when a value is no UTF-8. */
const char *query_json(query *q);
