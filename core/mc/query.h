/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a request message in each of its carriages (SPEC 2 [profile]). */
#pragma once

#include <cmp-kit/arena.h>
#include <cmp/message.h>

enum { QUERY_PAIRS_MAX = 96 };

typedef struct query {
    kit_arena *memory; /* the caller's */
    cmp_pair pairs[QUERY_PAIRS_MAX];
    size_t count;
} query;

/* What is written lives in `memory`. */
void query_init(query *q, kit_arena *memory);

/* Adds a parameter; absent values are left out. Octets are borrowed. */
void query_add(query *q, const char *name, cmp_str value);

/* name=value&…, url-encoded. NUL-terminated. */
const char *query_form(query *q);

/* One JSON object of strings. NULL when a value is no UTF-8. */
const char *query_json(query *q);
