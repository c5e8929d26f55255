/* SPDX-License-Identifier: Apache-2.0 */
/* Sorts the codes once, when the first scan comes, and walks along them. */
#include "order.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>

static cmp_str ici_at(const code_index *index, uint64_t offset)
{
    return packed_ici(index_at(index, offset));
}

/* As octets: no locale may change an order in which a scan goes on later. */
static int compare(cmp_str a, cmp_str b)
{
    const int octets = memcmp(a.at, b.at, a.size < b.size ? a.size : b.size);
    return octets != 0 ? octets : (a.size > b.size) - (a.size < b.size);
}

static int compare_offsets(const void *a, const void *b, void *index)
{
    return compare(ici_at(index, *(const uint64_t *)a), ici_at(index, *(const uint64_t *)b));
}

bool order_make(const code_index *index, code_order *order)
{
    const size_t count = index_count(index);
    /* Not kit_alloc: the operator's file decides how much it is, and a scan may fail. */
    uint64_t *offsets = malloc((count + 1) * sizeof(*offsets));
    if (offsets == NULL) {
        return false;
    }
    size_t at = 0;
    for (uint64_t offset = 0; offset < index_end(index); at++) {
        offsets[at] = offset;
        offset = index_offset(index, packed_end(index_at(index, offset)));
    }
    qsort_r(offsets, count, sizeof(*offsets), compare_offsets, (void *)(uintptr_t)index);
    *order = (code_order){offsets, count};
    return true;
}

void order_dispose(code_order *order)
{
    free(order->offsets);
    *order = (code_order){.offsets = NULL};
}

/* The first code that comes after `ici`. */
static size_t behind(const code_order *order, const code_index *index, cmp_str ici)
{
    size_t low = 0, high = order->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (compare(ici_at(index, order->offsets[middle]), ici) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void order_scan(const code_order *order, const code_index *index, cmp_str after,
                cmp_store_visit visit, void *arg)
{
    void *memory = NULL;
    size_t room = 0;
    bool on = true;
    for (size_t i = after.at != NULL ? behind(order, index, after) : 0; on && i < order->count;
         i++) {
        const uint8_t *packed = index_at(index, order->offsets[i]);
        cmp_record record;
        const uint8_t *variants = packed_read(packed, &record);
        if (variants != NULL) {
            const size_t size = packed_variants_size(variants);
            /* The visitor is done with a record before the next comes: one memory for all. */
            if (size > room) {
                free(memory);
                memory = kit_alloc(size);
                room = size;
            }
            packed_variants(variants, memory, &record);
        }
        on = visit(packed_ici(packed), &record, arg);
    }
    free(memory);
}
