/* SPDX-License-Identifier: Apache-2.0 */
/* The codes of an index in the order of their ICIs, for scans: an order that stays the same when
 * the file is read again, so a scan can go on in other codes than it began with. */
#pragma once

#include "index.h"

#include <cmp/store.h>

/* Where the records lie, sorted by ICI. */
typedef struct code_order {
    uint64_t *offsets;
    size_t count;
} code_order;

/* False: there is not that much memory (8 octets for each code). */
CMP_MUST_USE bool order_make(const code_index *index, code_order *order);

/* One that was not made is all zero. */
void order_dispose(code_order *order);

/* Visits the codes whose ICI comes after `after` (absent: all), octet by octet. */
void order_scan(const code_order *order, const code_index *index, cmp_str after,
                cmp_store_visit visit, void *arg);
